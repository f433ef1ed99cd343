"""Ground truth: who truly speaks in a line. The transcript is not touched by it; `POST /evaluation` measures against it."""

from typing import Annotated, Any

from fastapi import APIRouter, File, Form, HTTPException, Path, Response, UploadFile
from pydantic import Field, StringConstraints

from api import schemas
from api.dependencies import ContextDep
from api.routes.conversations import MISSING, ConversationId, not_found
from api.routes.segments import LARGEST_ID
from pipeline.formats import rttm
from pipeline.names import Name
from pipeline.types import Span
from services import schemas as public
from storage.conversations import conversations, labels

router = APIRouter(prefix="/conversations/{conversation_id}", tags=["evaluation"])

LARGEST_RTTM = 2**22

SegmentId = Annotated[int, Path(ge=1, le=LARGEST_ID)]
NO_SEGMENT: dict[int | str, dict[str, Any]] = {
    404: {"model": schemas.Error, "description": "There is no such segment in this conversation, or it has no label."}
}


class LabelChange(public.Schema):
    speaker_name: Name = Field(description="Who truly speaks, known here or not.", examples=["Ana"])
    labeled_by: Annotated[str, StringConstraints(max_length=200)] | None = Field(None, examples=["Bo"])
    notes: Annotated[str, StringConstraints(max_length=10_000)] | None = None


class Label(public.Schema):
    segment_id: int
    speaker_name: str
    labeled_by: str | None
    notes: str | None
    labeled_at: public.Moment


class Imported(public.Schema):
    labelled: int = Field(description="Segments of which one speaker of the file says at least half.")
    unlabelled: int = Field(description="Segments that nobody in the file says; their labels, if any, stay.")
    speakers: list[str]


@router.get("/labels", responses=MISSING)
async def list_labels(context: ContextDep, conversation_id: ConversationId) -> list[Label]:
    """The labels of a conversation, in the order of its lines."""
    async with context.database.session() as session:
        try:
            found = await labels.of_conversation(session, conversation_id)
        except LookupError as error:
            raise not_found(error) from error
    return [Label.model_validate(label) for label in found]


@router.post(
    "/labels/rttm", responses=MISSING | {400: {"model": schemas.Error, "description": "The file is not RTTM of one recording."}}
)
async def import_rttm(
    context: ContextDep,
    conversation_id: ConversationId,
    file: Annotated[UploadFile, File(description="An RTTM file of this recording.")],
    labeled_by: Annotated[str | None, Form(max_length=200, description="Who listened.")] = None,
) -> Imported:
    """Label all segments of a conversation with whom an RTTM file says they are of.

    Names are taken as they are in the file, where blanks are often written as underscores.
    """
    content = await file.read(LARGEST_RTTM + 1)
    if len(content) > LARGEST_RTTM:
        raise HTTPException(400, f"The file is larger than {LARGEST_RTTM // 2**20} MB: send the RTTM of one recording.")
    try:
        turns = rttm.parse(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise HTTPException(400, "The file is not text in UTF-8: send an RTTM file.") from error
    except ValueError as error:
        raise HTTPException(400, str(error)) from error
    async with context.database.session() as session:
        found = await conversations.get(session, conversation_id)
        if found is None:
            raise HTTPException(404, conversations.NOT_FOUND)
        spoken = rttm.speakers_of(turns, [Span(line.start_offset, line.end_offset) for line in found.segments])
        names = {line.id: name for line, name in zip(found.segments, spoken, strict=True) if name is not None}
        try:
            await labels.put(session, conversation_id, names, labeled_by)
        except LookupError as error:  # deleted or processed again meanwhile
            raise not_found(error) from error
    return Imported(labelled=len(names), unlabelled=len(spoken) - len(names), speakers=sorted(set(names.values())))


@router.put("/segments/{segment_id}/label", responses=NO_SEGMENT)
async def put_label(context: ContextDep, conversation_id: ConversationId, segment_id: SegmentId, change: LabelChange) -> Label:
    """Say who truly speaks in a segment, in place of what was said before."""
    names = {segment_id: change.speaker_name}
    async with context.database.session() as session:
        try:
            await labels.put(session, conversation_id, names, change.labeled_by, change.notes)
            return Label.model_validate(await labels.get(session, conversation_id, segment_id))
        except LookupError as error:
            raise not_found(error) from error


@router.get("/segments/{segment_id}/label", responses=NO_SEGMENT)
async def get_label(context: ContextDep, conversation_id: ConversationId, segment_id: SegmentId) -> Label:
    """Who truly speaks in a segment."""
    async with context.database.session() as session:
        try:
            found = await labels.get(session, conversation_id, segment_id)
        except LookupError as error:
            raise not_found(error) from error
    if found is None:
        raise HTTPException(404, "This segment has no label")
    return Label.model_validate(found)


@router.delete("/segments/{segment_id}/label", status_code=204, responses=NO_SEGMENT)
async def delete_label(context: ContextDep, conversation_id: ConversationId, segment_id: SegmentId) -> Response:
    """Take a segment's label away."""
    async with context.database.session() as session:
        try:
            had = await labels.remove(session, conversation_id, segment_id)
        except LookupError as error:
            raise not_found(error) from error
    if not had:
        raise HTTPException(404, "This segment has no label")
    return Response(status_code=204)
