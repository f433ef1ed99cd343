"""Replace words in a whole transcript; undo and redo changes of it."""

from fastapi import APIRouter

from api import schemas, security
from api.dependencies import ContextDep, ConversationId, ExpectedChange, not_found
from api.routes.conversations import MISSING
from api.routes.editing.transcript import REFUSED, answer
from pipeline.transcript.replacement import Replacement

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
async def undo(context: ContextDep, conversation_id: ConversationId, change: ExpectedChange = None) -> schemas.Edited:
    """Undo the last change of the conversation's segments that holds."""
    return await answer(context.editor.undo(conversation_id, change))


@router.post("/redo", dependencies=[security.WRITER], responses=MISSING | REFUSED)
async def redo(context: ContextDep, conversation_id: ConversationId) -> schemas.Edited:
    """Make the change again that was undone last, unless another was made since."""
    return await answer(context.editor.redo(conversation_id))


@router.post("/replace", dependencies=[security.WRITER], responses=MISSING)
async def replace(context: ContextDep, conversation_id: ConversationId, words: schemas.Replace) -> schemas.Replaced:
    """Replace words in all segments of a conversation, as one change. Without `"dry_run": false` only say what would change.

    A change has at most 2,000 segments; `notes` says how many are left.
    """
    replacement = Replacement(words.find, words.replace, match_case=words.match_case, whole_words=words.whole_words)
    try:
        found = await context.editor.replace(conversation_id, replacement, dry_run=words.dry_run)
    except LookupError as error:
        raise not_found(error) from error
    return schemas.Replaced.model_validate(found)
