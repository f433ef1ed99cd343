"""Undo and redo changes of a transcript."""

from fastapi import APIRouter

from api import schemas, security
from api.dependencies import ContextDep, ConversationId, not_found
from api.routes.conversations import MISSING
from api.routes.editing.transcript import REFUSED, answer

router = APIRouter(prefix="/conversations/{conversation_id}", tags=["editing"], dependencies=[security.READER])


@router.get("/changes", responses=MISSING)
async def list_changes(context: ContextDep, conversation_id: ConversationId) -> list[schemas.TranscriptChange]:
    """The latest changes of the conversation's segments, newest first. Who speaks is in `GET /speakers/changes`."""
    try:
        found = await context.editor.changes(conversation_id)
    except LookupError as error:
        raise not_found(error) from error
    return [schemas.TranscriptChange.model_validate(change) for change in found]


@router.post("/undo", dependencies=[security.WRITER], responses=MISSING | REFUSED)
async def undo(context: ContextDep, conversation_id: ConversationId) -> schemas.Edited:
    """Undo the last change of the conversation's segments that holds."""
    return await answer(context.editor.undo(conversation_id))


@router.post("/redo", dependencies=[security.WRITER], responses=MISSING | REFUSED)
async def redo(context: ContextDep, conversation_id: ConversationId) -> schemas.Edited:
    """Make the change again that was undone last, unless another was made since."""
    return await answer(context.editor.redo(conversation_id))
