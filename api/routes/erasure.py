"""Erase conversations and speakers for good."""

from fastapi import APIRouter
from pydantic import Field

from api import schemas, security
from api.dependencies import ContextDep, ConversationId, not_found
from api.routes.conversations import MISSING

router = APIRouter(tags=["erasure"], dependencies=[security.ADMIN])


class Erased(schemas.Schema):
    message: str
    pending: list[str] = Field(description="What could not be removed yet, and is tried again; normally empty.")
    deleted_backups: list[str] = Field(
        description="Profiles and checkpoints that were deleted because this version cannot read them."
    )


@router.post("/conversations/{conversation_id}/erase", responses=MISSING)
async def erase_conversation(context: ContextDep, conversation_id: ConversationId) -> Erased:
    """Erase a conversation, its recording and everything computed from it, also while it is being processed or recorded.

    Nothing of it remains in profiles, checkpoints and the undo history, nor in the files of the database. Takes seconds for
    each 100,000 segments in the database, in which other requests wait. It cannot be undone.
    """
    try:
        erased = await context.erasure.erase_conversation(conversation_id)
    except LookupError as error:
        raise not_found(error) from error
    return Erased(
        message=f"Conversation {conversation_id} erased", pending=erased.pending, deleted_backups=erased.deleted_backups
    )
