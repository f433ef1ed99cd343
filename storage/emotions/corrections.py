"""Corrected emotions, as the table of segments stores them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from storage.emotions.emotions import LEARNED
from storage.tables import ParticipantRow, SegmentRow, Speaker


@dataclass(frozen=True, slots=True)
class EmotionCorrection:
    """The columns of a segment with a manually corrected emotion."""

    emotion_category: str | None
    emotion_confidence: float | None
    emotion_corrected_at: datetime | None
    emotion_misidentified: bool
    emotion_learned: bool


@dataclass(frozen=True, slots=True)
class SegmentEmotion:
    """The emotion of a segment, and who speaks it."""

    category: str | None
    is_corrected: bool
    is_misidentified: bool
    speaker_id: int | None
    speaker_name: str | None


async def lock_segment(session: AsyncSession, conversation_id: int, segment_id: int) -> SegmentEmotion:
    """The emotion of a segment. Its row is locked until the end of the transaction.

    Raises LookupError where there is no such segment.
    """
    columns = (SegmentRow.emotion_category, SegmentRow.emotion_corrected, SegmentRow.emotion_misidentified)
    found = (
        select(*columns, ParticipantRow.speaker_id, Speaker.name)
        .join(ParticipantRow, SegmentRow.participant_id == ParticipantRow.id)
        .outerjoin(Speaker, ParticipantRow.speaker_id == Speaker.id)
        .where(SegmentRow.id == segment_id, SegmentRow.conversation_id == conversation_id)
    )
    row = (await session.execute(found.with_for_update(of=SegmentRow))).one_or_none()
    if row is None:
        raise LookupError("Segment not found")
    return SegmentEmotion(*row)


async def correct(session: AsyncSession, segment_id: int, emotion: str, *, learn: bool) -> None:
    """Store `emotion` as the corrected emotion of the segment; with `learn` its speaker's profile includes the segment."""
    values = {
        "emotion_category": emotion,
        "emotion_confidence": 1.0,
        "emotion_corrected": True,
        "emotion_corrected_at": func.now(),
        "emotion_misidentified": False,
        "emotion_learned": learn,
    }
    await session.execute(update(SegmentRow).where(SegmentRow.id == segment_id).values(values))


async def set_misidentified(session: AsyncSession, segment_id: int, is_misidentified: bool) -> None:
    """Exclude a corrected segment from its speaker's profile, or include it again."""
    change = update(SegmentRow).where(SegmentRow.id == segment_id)
    await session.execute(change.values(emotion_misidentified=is_misidentified))


async def is_learned(session: AsyncSession, segment_id: int, model: str) -> bool:
    """Whether a profile of the emotion model is computed from the segment."""
    found = select(LEARNED & (SegmentRow.emotion_model == model)).where(SegmentRow.id == segment_id)
    return bool(await session.scalar(found))


async def of_conversation(session: AsyncSession, conversation_id: int) -> dict[int, EmotionCorrection]:
    """The corrections in a conversation, by segment."""
    columns = [getattr(SegmentRow, field.name) for field in fields(EmotionCorrection)]
    found = select(SegmentRow.id, *columns).where(SegmentRow.conversation_id == conversation_id, SegmentRow.emotion_corrected)
    return {id_: EmotionCorrection(*values) for id_, *values in await session.execute(found)}


async def restore(session: AsyncSession, corrections: Mapping[int, EmotionCorrection]) -> None:
    """Give segments, by id, the corrections of the former segments that they stand for."""
    for segment_id, correction in corrections.items():
        change = update(SegmentRow).where(SegmentRow.id == segment_id)
        await session.execute(change.values(**asdict(correction), emotion_corrected=True))
