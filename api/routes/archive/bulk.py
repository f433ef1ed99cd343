"""Change or export many conversations."""

from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, HTTPException
from fastapi.responses import StreamingResponse
from pydantic import AfterValidator, ConfigDict, Field, model_validator

from api import schemas, security
from api.dependencies import LARGEST_ID, ContextDep, not_found
from pipeline.access import Role
from pipeline.decoding import Decoding
from pipeline.languages import chosen_language
from pipeline.process import Options
from pipeline.tags import Tags
from services.access.actor import actor
from services.context import AppContext
from services.conversations import bulk, export

MAX_IDS = 500
"""Conversations of one request."""
Ids = Annotated[
    list[Annotated[int, Field(ge=1, le=LARGEST_ID)]],
    Field(min_length=1, max_length=MAX_IDS, examples=[[7, 9]]),
    AfterValidator(lambda ids: list(dict.fromkeys(ids))),
]

router = APIRouter(prefix="/conversations", tags=["conversations"], dependencies=[security.READER])

ARCHIVE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/zip": {}}, "description": "A ZIP archive."},
    404: {"model": schemas.Error, "description": "There is none of these conversations."},
}


class BulkChange(schemas.Schema):
    model_config = ConfigDict(extra="forbid")

    ids: Ids
    action: Literal["add_tags", "remove_tags", "delete", "reprocess"]
    tags: Tags = Field([], description="To add or to remove.", examples=[["Planning"]])

    @model_validator(mode="after")
    def _tags_where_they_belong(self) -> Self:
        if bool(self.tags) != self.action.endswith("tags"):
            raise ValueError("Give tags to add_tags and remove_tags, and to nothing else.")
        return self


class BulkOutcome(schemas.Schema):
    id: int
    error: str | None = Field(description="Why this one was not changed; null if it was.")
    job_id: int | None = Field(description="With `reprocess`, the job.")


class BulkChanged(schemas.Schema):
    results: list[BulkOutcome] = Field(description="One for each conversation, in the order of the request.")
    changed: int = Field(description="How many were changed.")
    cleanup_warnings: list[str] = Field([], description="What could not be removed from the disk.")


class ExportRequest(schemas.Schema):
    model_config = ConfigDict(extra="forbid")

    ids: Ids
    format: schemas.TranscriptFormat = "txt"


@router.post("/bulk", dependencies=[security.WRITER])
async def change_conversations(context: ContextDep, change: BulkChange) -> BulkChanged:
    """Tag, delete or process again many conversations. What cannot be changed says why, and the others are changed.

    `delete` needs the role of an administrator.
    """
    outcomes, warnings = await _changed(context, change)
    results = [BulkOutcome.model_validate(outcome) for outcome in outcomes]
    changed = sum(result.error is None for result in results)
    return BulkChanged(results=results, changed=changed, cleanup_warnings=warnings)


@router.post("/export", response_class=StreamingResponse, responses=ARCHIVE)
async def export_conversations(context: ContextDep, wanted: ExportRequest) -> StreamingResponse:
    """The transcripts of many conversations, as files in a ZIP archive.

    Their names are made of the title and the id. What does not exist is listed in `left-out.txt` there.
    """
    try:
        parts = await export.archive(context.database, wanted.ids, wanted.format)
    except LookupError as error:
        raise not_found(error) from error
    headers = {"Content-Disposition": 'attachment; filename="conversations.zip"'}
    return StreamingResponse(parts, media_type="application/zip", headers=headers)


async def _changed(context: AppContext, change: BulkChange) -> tuple[list[bulk.Outcome], list[str]]:
    match change.action:
        case "delete":
            role = actor().principal.role
            if not role.includes(Role.ADMIN):
                raise HTTPException(403, security.refusal(Role.ADMIN, role))
            return await bulk.delete(context.database, context.erasure, change.ids)
        case "reprocess":
            language = chosen_language(None, context.settings.language)
            try:
                options = Options(language=language, decoding=await context.models.chosen(Decoding(), language))
            except ValueError as error:
                raise HTTPException(422, str(error)) from error
            return await bulk.reprocess(context.recordings, change.ids, options), []
        case "add_tags":
            return await bulk.add_tags(context.database, change.ids, change.tags), []
        case "remove_tags":
            return await bulk.remove_tags(context.database, change.ids, change.tags), []
