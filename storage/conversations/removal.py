"""The ids by which other tables and files know conversations that are about to be removed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from storage.conversations.conversations import NOT_FOUND
from storage.postgres.conditions import one_of
from storage.tables import Conversation, ParticipantRow, SegmentRow


@dataclass(frozen=True, slots=True)
class ConversationParts:
    conversations: Mapping[UUID, int]
    participants: frozenset[int]
    segments: frozenset[int]
    speakers: frozenset[int]


async def parts(session: AsyncSession, conversation_ids: Sequence[int]) -> ConversationParts:
    """Raises LookupError where there is no such conversation."""
    stored = await session.execute(select(Conversation.uuid, Conversation.id).where(one_of(Conversation.id, conversation_ids)))
    uuids = {row.uuid: row.id for row in stored}
    if len(uuids) < len(set(conversation_ids)):
        raise LookupError(NOT_FOUND)
    people = select(ParticipantRow.id, ParticipantRow.speaker_id)
    rows = (await session.execute(people.where(one_of(ParticipantRow.conversation_id, conversation_ids)))).all()
    segments = await session.scalars(select(SegmentRow.id).where(one_of(SegmentRow.conversation_id, conversation_ids)))
    return ConversationParts(
        conversations=uuids,
        participants=frozenset(row.id for row in rows),
        segments=frozenset(segments),
        speakers=frozenset(row.speaker_id for row in rows if row.speaker_id is not None),
    )
