"""What people say about the emotions of segments.

A correction teaches the speaker's profile of that emotion, but nothing about the voice at large: a speaker's references are
their participants' vectors, to which the segment has contributed already.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from storage.emotions import emotions
from storage.speakers import speakers
from storage.tables import EmotionProfile, ParticipantRow, SegmentRow, Speaker


class Refused(ValueError):
    """What was asked for cannot be done; the message is one sentence that says why."""


@dataclass(frozen=True, slots=True)
class Correction:
    old_emotion: str | None
    new_emotion: str
    learned: bool
    sample_count: int
    """Of the speaker's profile of the new emotion."""
    speaker_name: str | None


async def correct(session: AsyncSession, conversation_id: int, segment_id: int, emotion: str, learn: bool) -> Correction:
    """Somebody says how a line sounds. With `learn` the speaker's profile of `emotion` learns it; the former one forgets it.

    Raises LookupError where there is no such line, Refused where there is nobody who could have a profile.
    """
    await speakers.lock(session)
    segment = await _segment(session, conversation_id, segment_id)
    if learn and segment.speaker_id is None:
        raise Refused("Cannot create emotion profile for unknown speaker. Identify speaker first.")
    values = {
        "emotion_category": emotion,
        "emotion_confidence": 1.0,
        "emotion_corrected": True,
        "emotion_corrected_at": func.now(),
        "emotion_misidentified": False,
        "emotion_learned": learn,
    }
    await session.execute(update(SegmentRow).where(SegmentRow.id == segment_id).values(values))
    if segment.speaker_id is None:
        return Correction(segment.emotion_category, emotion, False, 0, None)
    for changed in {emotion, segment.emotion_category} if segment.emotion_corrected else {emotion}:
        await emotions.recompute(session, segment.speaker_id, changed)
    of_emotion = (EmotionProfile.speaker_id == segment.speaker_id, EmotionProfile.emotion_category == emotion)
    profile = (
        await session.execute(select(EmotionProfile.model, EmotionProfile.sample_count).where(*of_emotion))
    ).one_or_none()
    learned = profile is not None and await session.scalar(
        select(emotions.LEARNED & (SegmentRow.emotion_model == profile.model)).where(SegmentRow.id == segment_id)
    )
    count = 0 if profile is None else profile.sample_count
    return Correction(segment.emotion_category, emotion, bool(learned), count, segment.name)


async def mark_misidentified(session: AsyncSession, conversation_id: int, segment_id: int, misidentified: bool) -> bool:
    """Leave a corrected line out of its profile, or take it in again; returns whether a profile was made anew.

    Raises LookupError where there is no such line, Refused where nobody corrected its emotion.
    """
    await speakers.lock(session)
    segment = await _segment(session, conversation_id, segment_id)
    if not segment.emotion_corrected:
        raise Refused("Segment has no emotion correction to mark as misidentified")
    values = {"emotion_misidentified": misidentified}
    await session.execute(update(SegmentRow).where(SegmentRow.id == segment_id).values(values))
    if segment.speaker_id is None or segment.emotion_misidentified == misidentified:
        return False
    await emotions.recompute(session, segment.speaker_id, segment.emotion_category)
    return True


async def _segment(session: AsyncSession, conversation_id: int, segment_id: int) -> Any:
    """What is said of a line's emotion now, with who says it; changed by nobody else until the end of the transaction."""
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
    return row
