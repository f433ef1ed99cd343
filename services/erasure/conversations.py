"""Remove conversations with everything that was computed from them, also from the undo history and from profiles."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from storage.backups import redactions
from storage.conversations import conversations, removal
from storage.erasure import pending
from storage.speakers import change_erasure, speakers


@dataclass(frozen=True, slots=True)
class RemovedConversations:
    ids: Mapping[UUID, int]
    deleted_backups: list[str]
    """Names of profiles and checkpoints that were deleted as this program cannot read them."""


async def remove(session: AsyncSession, conversation_ids: Sequence[int], *, active: bool) -> RemovedConversations:
    """Remove conversations from all tables. Their recordings are deleted after the commit (`storage.erasure.pending`).

    Raises LookupError, and, unless `active`, ConversationBusyError while one is being processed or recorded.
    """
    await speakers.lock(session)
    parts = await removal.parts(session, conversation_ids)
    for conversation_id in conversation_ids:
        key = await conversations.remove(session, conversation_id, active=active)
        if key is not None:
            await pending.add_file(session, key)
    await change_erasure.remove_conversations(
        session,
        conversation_ids,
        participants=parts.participants,
        segments=parts.segments,
        speakers=parts.speakers,
    )
    deleted = await redactions.remove_conversations(session, parts.conversations)
    return RemovedConversations(parts.conversations, deleted)
