"""What people say about the emotions of segments, as it is stored."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from storage.tables import SegmentRow


@dataclass(frozen=True, slots=True)
class EmotionCorrection:
    """The columns of a segment whose emotion a person corrected."""

    emotion_category: str | None
    emotion_confidence: float | None
    emotion_corrected_at: datetime | None
    emotion_misidentified: bool
    emotion_learned: bool


async def of_conversation(session: AsyncSession, conversation_id: int) -> dict[int, EmotionCorrection]:
    """The corrections in a conversation, by segment."""
    columns = [getattr(SegmentRow, field.name) for field in fields(EmotionCorrection)]
    found = select(SegmentRow.id, *columns).where(SegmentRow.conversation_id == conversation_id, SegmentRow.emotion_corrected)
    return {id_: EmotionCorrection(*values) for id_, *values in await session.execute(found)}


async def restore(session: AsyncSession, corrections: Mapping[int, EmotionCorrection]) -> None:
    """Give segments the corrections of others, whose words they have."""
    for segment_id, correction in corrections.items():
        change = update(SegmentRow).where(SegmentRow.id == segment_id)
        await session.execute(change.values(**asdict(correction), emotion_corrected=True))
