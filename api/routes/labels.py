"""Labels: the true speakers of segments. They do not change the transcript; `POST /evaluation` measures against them."""

from typing import Annotated, Any

from fastapi import APIRouter, File, Form, HTTPException, Path, Response, UploadFile

from api import schemas, security
from api.dependencies import LARGEST_SEGMENT_ID, ContextDep, ConversationId, not_found
from api.routes.conversations import MISSING
from pipeline.formats import rttm
from pipeline.types import Span
from services.access import audit
from storage.conversations import conversations, labels

router = APIRouter(prefix="/conversations/{conversation_id}", tags=["evaluation"], dependencies=[security.READER])

MAX_RTTM_BYTES = 2**22

SegmentId = Annotated[int, Path(ge=1, le=LARGEST_SEGMENT_ID)]
NO_SEGMENT: dict[int | str, dict[str, Any]] = {
    404: {"model": schemas.Error, "description": "There is no such segment in this conversation, or it has no label."}
}


@router.get("/labels", responses=MISSING)
async def list_labels(context: ContextDep, conversation_id: ConversationId) -> list[schemas.Label]:
    """The labels of a conversation, in the order of its segments."""
    async with context.database.session() as session:
        try:
            found = await labels.of_conversation(session, conversation_id)
        except LookupError as error:
            raise not_found(error) from error
    return [schemas.Label.model_validate(label) for label in found]


@router.post(
    "/labels/rttm",
    dependencies=[security.WRITER],
    responses=MISSING | {400: {"model": schemas.Error, "description": "The file is not RTTM of one recording."}},
)
async def import_rttm(
    context: ContextDep,
    conversation_id: ConversationId,
    file: Annotated[UploadFile, File(description="An RTTM file of this recording.")],
    labeled_by: Annotated[str | None, Form(max_length=200, description="Name of the listener.")] = None,
) -> schemas.Imported:
    """Label all segments of a conversation with the speakers of an RTTM file.

    Names are taken as written in the file, where spaces are often underscores.
    """
    content = await file.read(MAX_RTTM_BYTES + 1)
    if len(content) > MAX_RTTM_BYTES:
        raise HTTPException(400, f"The file is larger than {MAX_RTTM_BYTES // 2**20} MB: send the RTTM of one recording.")
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
        spoken = rttm.speakers_of(turns, [Span(segment.start_offset, segment.end_offset) for segment in found.segments])
        names = {segment.id: name for segment, name in zip(found.segments, spoken, strict=True) if name is not None}
        try:
            await labels.put(session, conversation_id, names, labeled_by)
            await audit.record(session, "label.import", f"conversation:{conversation_id}")
        except LookupError as error:  # deleted or reprocessed meanwhile
            raise not_found(error) from error
    return schemas.Imported(labelled=len(names), unlabelled=len(spoken) - len(names), speakers=sorted(set(names.values())))


@router.put("/segments/{segment_id}/label", dependencies=[security.WRITER], responses=NO_SEGMENT)
async def put_label(
    context: ContextDep, conversation_id: ConversationId, segment_id: SegmentId, change: schemas.LabelChange
) -> schemas.Label:
    """Set the true speaker of a segment; replaces an existing label."""
    names = {segment_id: change.speaker_name}
    async with context.database.session() as session:
        try:
            await labels.put(session, conversation_id, names, change.labeled_by, change.notes)
            await audit.record(session, "label.put", f"segment:{segment_id}")
            return schemas.Label.model_validate(await labels.get(session, conversation_id, segment_id))
        except LookupError as error:
            raise not_found(error) from error


@router.get("/segments/{segment_id}/label", responses=NO_SEGMENT)
async def get_label(context: ContextDep, conversation_id: ConversationId, segment_id: SegmentId) -> schemas.Label:
    """The label of a segment."""
    async with context.database.session() as session:
        try:
            found = await labels.get(session, conversation_id, segment_id)
        except LookupError as error:
            raise not_found(error) from error
    if found is None:
        raise HTTPException(404, "This segment has no label")
    return schemas.Label.model_validate(found)


@router.delete("/segments/{segment_id}/label", dependencies=[security.WRITER], status_code=204, responses=NO_SEGMENT)
async def delete_label(context: ContextDep, conversation_id: ConversationId, segment_id: SegmentId) -> Response:
    """Delete the label of a segment."""
    async with context.database.session() as session:
        try:
            had = await labels.remove(session, conversation_id, segment_id)
            if had:
                await audit.record(session, "label.delete", f"segment:{segment_id}")
        except LookupError as error:
            raise not_found(error) from error
    if not had:
        raise HTTPException(404, "This segment has no label")
    return Response(status_code=204)
