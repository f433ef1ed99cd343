"""The ids by which other tables and files know a conversation that is about to be removed."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from storage.conversations.conversations import NOT_FOUND
from storage.tables import Conversation, ParticipantRow, SegmentRow


@dataclass(frozen=True, slots=True)
class ConversationParts:
    uuid: UUID
    participants: frozenset[int]
    segments: frozenset[int]
    speakers: frozenset[int]


async def parts(session: AsyncSession, conversation_id: int) -> ConversationParts:
    """Raises LookupError where there is no such conversation."""
    uuid = await session.scalar(select(Conversation.uuid).where(Conversation.id == conversation_id))
    if uuid is None:
        raise LookupError(NOT_FOUND)
    people = select(ParticipantRow.id, ParticipantRow.speaker_id).where(ParticipantRow.conversation_id == conversation_id)
    rows = (await session.execute(people)).all()
    segments = await session.scalars(select(SegmentRow.id).where(SegmentRow.conversation_id == conversation_id))
    return ConversationParts(
        uuid=uuid,
        participants=frozenset(row.id for row in rows),
        segments=frozenset(segments),
        speakers=frozenset(row.speaker_id for row in rows if row.speaker_id is not None),
    )
