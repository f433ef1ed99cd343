"""Erase conversations and speakers: rows in one transaction, then recordings, then the space where the rows were.

What fails after the transaction is repeated (`services.erasure.cleanup`) until it succeeds, also after a restart.
"""

from dataclasses import dataclass, field

from services.access.audit import record
from services.erasure import conversations
from services.erasure.cleanup import Cleanup
from services.live.live_conversations import LiveConversations
from storage.erasure import pending
from storage.postgres.database import Database


@dataclass(frozen=True, slots=True)
class Erased:
    """What was erased with a conversation or a speaker, and what is still to be removed."""

    pending: list[str]
    """Sentences about what could not be removed yet; it is tried again."""
    deleted_backups: list[str] = field(default_factory=list)
    """Names of profiles and checkpoints that were deleted as this program cannot read them."""


class Erasure:
    def __init__(self, database: Database, cleanup: Cleanup, live: LiveConversations) -> None:
        self._database = database
        self._cleanup = cleanup
        self._live = live

    async def delete_conversation(self, conversation_id: int) -> Erased:
        """Delete a conversation that is not active; the space of its rows is written over in time.

        Raises LookupError, ConversationBusyError.
        """
        async with self._database.session() as session:
            removed = await conversations.remove(session, conversation_id, active=False)
        return Erased(await self._cleanup.remove_files(), removed.deleted_backups)

    async def erase_conversation(self, conversation_id: int) -> Erased:
        """Erase a conversation, also while it is being processed or recorded. Raises LookupError."""
        async with self._database.session() as session:
            removed = await conversations.remove(session, conversation_id, active=True)
            await pending.add_space(session)
            await record(session, "conversation.erase", f"conversation:{conversation_id}")
        await self._live.discard(conversation_id, removed.uuid)
        return Erased(await self._cleanup.remove_all(), removed.deleted_backups)
