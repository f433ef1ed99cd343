"""The audit log, for administrators."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AfterValidator, Field

from api import schemas, security
from api.dependencies import LARGEST_ID, ContextDep
from storage.access import audit

router = APIRouter(prefix="/audit", tags=["access"], dependencies=[security.ADMIN])

Moment = Annotated[datetime, AfterValidator(lambda moment: moment if moment.tzinfo else moment.replace(tzinfo=UTC))]
Text = Annotated[str, Field(max_length=audit.MAX_FIELD_CHARS, pattern=r"^[^\x00]*$")]


class Entry(schemas.Schema):
    """Ids only: no texts and no names."""

    id: int
    at: schemas.Moment
    principal: str = Field(description="`person:7`, `key:3`, `local` or `anonymous`.", examples=["person:7"])
    action: str = Field(examples=["speaker.rename"])
    object: str | None = Field(description="What it was done to.", examples=["speaker:12"])
    request_id: str | None = Field(description="Of the request, as in the logs.")
    address: str | None = Field(description="Of the client.")
    outcome: str = Field(description="`ok`, `denied` or `failed`.", examples=["ok"])


class Entries(schemas.Schema):
    entries: list[Entry]
    total: schemas.Total
    skip: schemas.Skipped
    limit: schemas.Limit


@router.get("")
async def list_entries(
    context: ContextDep,
    skip: Annotated[int, Query(ge=0, le=LARGEST_ID, description=schemas.SKIP)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000, description=schemas.LIMIT)] = 100,
    since: Annotated[Moment | None, Query(description="At this time or later; UTC without an offset.")] = None,
    until: Annotated[Moment | None, Query(description="Before this time.")] = None,
    principal: Annotated[Text | None, Query(description="Who did it, such as `person:7`.")] = None,
    action: Annotated[Text | None, Query(description="An action, or a kind of actions such as `speaker`.")] = None,
    target: Annotated[Text | None, Query(alias="object", description="What it was done to, such as `speaker:12`.")] = None,
    outcome: Annotated[Text | None, Query(description="`ok`, `denied` or `failed`.")] = None,
) -> Entries:
    """Who did what, newest first. Entries are never changed and never deleted."""
    filters = audit.Filters(since, until, principal, action, target, outcome)
    async with context.database.session() as session:
        found, total = await audit.page(session, filters, skip, limit)
    return Entries(entries=[Entry.model_validate(entry) for entry in found], total=total, skip=skip, limit=limit)
