"""Remove a conversation with everything that was computed from it, also from the undo history and from profiles."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from storage.backups import redactions
from storage.conversations import conversations, removal
from storage.erasure import pending
from storage.speakers import change_erasure, speakers


@dataclass(frozen=True, slots=True)
class RemovedConversation:
    uuid: UUID
    deleted_backups: list[str]
    """Names of profiles and checkpoints that were deleted as this program cannot read them."""


async def remove(session: AsyncSession, conversation_id: int, *, active: bool) -> RemovedConversation:
    """Remove the conversation from all tables. Its recording is deleted after the commit (`storage.erasure.pending`).

    Raises LookupError, and, unless `active`, ConversationBusyError while it is being processed or recorded.
    """
    await speakers.lock(session)
    parts = await removal.parts(session, conversation_id)
    key = await conversations.remove(session, conversation_id, active=active)
    if key is not None:
        await pending.add_file(session, key)
    await change_erasure.remove_conversation(
        session,
        conversation_id,
        participants=parts.participants,
        segments=parts.segments,
        speakers=parts.speakers,
    )
    deleted = await redactions.remove_conversation(session, parts.uuid, conversation_id)
    return RemovedConversation(parts.uuid, deleted)
