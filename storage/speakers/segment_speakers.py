"""The participant of a single segment, for manual corrections."""

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from storage.tables import Conversation, ParticipantRow, SegmentRow


async def lock_participant(session: AsyncSession, conversation_id: int, segment_id: int) -> int | None:
    """The participant of a segment. Its conversation cannot be deleted until the end of the transaction.

    None where the conversation has no such segment.
    """
    conversation = select(Conversation.id).where(Conversation.id == conversation_id)
    await session.execute(conversation.with_for_update(key_share=True, read=True))
    found = select(SegmentRow.participant_id).where(SegmentRow.id == segment_id, SegmentRow.conversation_id == conversation_id)
    return await session.scalar(found)


async def set_misidentified(session: AsyncSession, segment_id: int, is_misidentified: bool) -> bool:
    """Mark a segment as misidentified, or remove the mark; returns whether that is a change."""
    change = update(SegmentRow).where(SegmentRow.id == segment_id, SegmentRow.is_misidentified != is_misidentified)
    return await session.scalar(change.values(is_misidentified=is_misidentified).returning(SegmentRow.id)) is not None


async def is_reference(session: AsyncSession, segment_id: int) -> bool:
    """Whether the vector of the segment's participant is a reference of its speaker."""
    mine = select(ParticipantRow.enrolled & ParticipantRow.vector.is_not(None)).join(
        SegmentRow, SegmentRow.participant_id == ParticipantRow.id
    )
    return bool(await session.scalar(mine.where(SegmentRow.id == segment_id)))
