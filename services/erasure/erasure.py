"""Erase conversations and speakers: rows in one transaction, then recordings, then the space where the rows were.

What fails after the transaction is repeated (`services.erasure.cleanup`) until it succeeds, also after a restart.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from services.access.audit import record
from services.erasure import conversations, speakers
from services.erasure.cleanup import Cleanup
from services.live.live_conversations import LiveConversations
from storage.erasure import pending
from storage.postgres.database import Database


@dataclass(frozen=True, slots=True)
class Erased:
    """What was erased with a conversation or a speaker, and what is still to be removed."""

    pending: list[str]
    """Sentences about what could not be removed yet; it is tried again."""
    deleted_backups: list[str]
    """Names of profiles and checkpoints that were deleted as this program cannot read them."""
    conversations: Sequence[int] = ()
    """Conversations in which an erased speaker speaks: their texts and recordings stay."""


class Erasure:
    def __init__(self, database: Database, cleanup: Cleanup, live: LiveConversations) -> None:
        self._database = database
        self.cleanup = cleanup
        self._live = live

    async def delete_conversation(self, conversation_id: int) -> Erased:
        """Delete a conversation that is not active; the space of its rows is written over in time.

        Raises LookupError, ConversationBusyError.
        """
        return await self.delete_conversations([conversation_id])

    async def delete_conversations(self, conversation_ids: Sequence[int]) -> Erased:
        """Delete several in one transaction, all or none, so that profiles are rewritten once. Raises as for one."""
        async with self._database.session() as session:
            removed = await conversations.remove(session, conversation_ids, active=False)
            for conversation_id in conversation_ids:
                await record(session, "conversation.delete", f"conversation:{conversation_id}")
        return Erased(await self.cleanup.remove_files(), removed.deleted_backups)

    async def erase_conversation(self, conversation_id: int) -> Erased:
        """Erase a conversation, also while it is being processed or recorded. Raises LookupError."""
        async with self._database.session() as session:
            removed = await conversations.remove(session, [conversation_id], active=True)
            await pending.add_space(session)
            await record(session, "conversation.erase", f"conversation:{conversation_id}")
        for uuid in removed.ids:
            await self._live.discard(conversation_id, uuid)
        return Erased(await self.cleanup.remove_all(), removed.deleted_backups)

    async def erase_speaker(self, speaker_id: int) -> Erased:
        """Erase the names and vectors of a speaker, also of one that was deleted before. Raises SpeakerNotFoundError."""
        async with self._database.session() as session:
            removed = await speakers.remove(session, speaker_id)
            await pending.add_space(session)
            await record(session, "speaker.erase", f"speaker:{speaker_id}")
        return Erased(await self.cleanup.remove_all(), removed.deleted_backups, removed.conversations)
