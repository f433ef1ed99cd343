"""The database side of a live conversation's segments."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.identity.policy import IdentityPolicy
from pipeline.live.live_segment import ProcessedSegment
from pipeline.types import ConversationSegment, Note
from services.identity import live_segments
from services.policy import Policies
from storage.conversations import conversations
from storage.postgres.database import Database

DATABASE_TIMEOUT_S = 60.0
"""How long a segment waits for a database that does not answer."""


@dataclass(frozen=True, slots=True)
class SegmentStore:
    """Stores the segments of one conversation; retries while the database is away."""

    database: Database
    policies: Policies
    conversation_id: int
    num_speakers: int | None

    async def policy(self) -> IdentityPolicy:
        return await self.database.persist(self.policies.read, DATABASE_TIMEOUT_S)

    async def add(self, processed: ProcessedSegment) -> Sequence[ConversationSegment]:
        """Store segments that follow those already stored, decide who speaks them, and store the notes."""

        if not processed.segments:
            await self.add_notes(processed.notes)
            return ()

        async def add(session: AsyncSession) -> Sequence[ConversationSegment]:
            policy = await self.policies.lock(session)
            return await live_segments.add_once(session, self.conversation_id, processed, policy, self.num_speakers)

        return await self.database.persist(add, DATABASE_TIMEOUT_S)

    async def add_notes(self, notes: Sequence[Note]) -> None:
        """Store notes on the conversation."""
        if notes:
            await self.database.persist(
                lambda session: conversations.add_notes(session, self.conversation_id, notes), DATABASE_TIMEOUT_S
            )
