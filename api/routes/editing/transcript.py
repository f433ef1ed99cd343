"""Change the segments of a transcript, and read what they were."""

from collections.abc import Awaitable
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path

from api import schemas, security
from api.dependencies import LARGEST_SEGMENT_ID, ContextDep, ConversationId, not_found
from api.routes.conversations import MISSING
from services.editing.errors import EditError
from services.editing.transcript_editor import Edit

router = APIRouter(prefix="/conversations/{conversation_id}", tags=["editing"], dependencies=[security.READER])

SegmentId = Annotated[int, Path(ge=1, le=LARGEST_SEGMENT_ID)]
NO_SEGMENT: dict[int | str, dict[str, Any]] = {
    404: {"model": schemas.Error, "description": "There is no such segment in this conversation."}
}
REFUSED: dict[int | str, dict[str, Any]] = {
    409: {"model": schemas.Error, "description": "The transcript cannot be changed so, as the answer says."}
}


@router.patch("/segments/{segment_id}", dependencies=[security.WRITER], responses=NO_SEGMENT | REFUSED)
async def update_segment(
    context: ContextDep, conversation_id: ConversationId, segment_id: SegmentId, change: schemas.SegmentUpdate
) -> schemas.Edited:
    """Change the text of a segment. `POST …/undo` undoes it, `GET …/originals` has the text as it was.

    Words that stay keep their times; others get those of the words that they replace.
    """
    return await answer(context.editor.set_text(conversation_id, segment_id, change.text, change.expected_text))


@router.post("/segments/{segment_id}/split", dependencies=[security.WRITER], responses=NO_SEGMENT | REFUSED)
async def split_segment(
    context: ContextDep, conversation_id: ConversationId, segment_id: SegmentId, at: schemas.SegmentSplit
) -> schemas.Edited:
    """Split a segment in two, before one of its words. Both parts have its speaker, and each the emotion of its own sound."""
    return await answer(context.editor.split(conversation_id, segment_id, at.word, at.expected_text))


@router.post("/segments/{segment_id}/join", dependencies=[security.WRITER], responses=NO_SEGMENT | REFUSED)
async def join_segments(
    context: ContextDep,
    conversation_id: ConversationId,
    segment_id: SegmentId,
    read: schemas.EditRequest | None = None,
) -> schemas.Edited:
    """Join a segment with the next one, which must have the same speaker."""
    return await answer(context.editor.join(conversation_id, segment_id, None if read is None else read.expected_text))


@router.delete("/segments/{segment_id}", dependencies=[security.WRITER], responses=NO_SEGMENT | REFUSED)
async def delete_segment(context: ContextDep, conversation_id: ConversationId, segment_id: SegmentId) -> schemas.Edited:
    """Delete a segment from the transcript; the recording stays as it is. `POST …/undo` brings it back."""
    return await answer(context.editor.delete(conversation_id, segment_id))


@router.get("/originals", responses=MISSING)
async def list_originals(context: ContextDep, conversation_id: ConversationId) -> list[schemas.OriginalSegment]:
    """The segments that people changed or deleted, as the program wrote them, in order of time."""
    try:
        found = await context.editor.originals(conversation_id)
    except LookupError as error:
        raise not_found(error) from error
    return [schemas.OriginalSegment.model_validate(original) for original in found]


async def answer(edit: Awaitable[Edit]) -> schemas.Edited:
    """What an edit changed, or why it did not."""
    try:
        return schemas.Edited.model_validate(await edit)
    except LookupError as error:
        raise not_found(error) from error
    except EditError as error:
        raise HTTPException(409, str(error)) from error
