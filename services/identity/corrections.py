"""Correcting the emotions of segments.

The speaker's profile of an emotion is computed from the segments corrected to it. The speaker's voice at large is not: its
references are the vectors of participants, to which the segment has contributed already.
"""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from services.access import audit
from storage.emotions import corrections, emotions, profiles
from storage.speakers import speakers


class CorrectionError(ValueError):
    """The correction cannot be made; the message is one sentence that says why."""


@dataclass(frozen=True, slots=True)
class Correction:
    old_emotion: str | None
    new_emotion: str
    learned: bool
    sample_count: int
    """Of the speaker's profile of the new emotion."""
    speaker_name: str | None


async def correct(session: AsyncSession, conversation_id: int, segment_id: int, emotion: str, learn: bool) -> Correction:
    """Say what emotion a segment has. With `learn` the speaker's profile of `emotion` is computed from it, too.

    Raises LookupError where there is no such segment, CorrectionError where it has no speaker who could have a profile.
    """
    await speakers.lock(session)
    segment = await corrections.lock_segment(session, conversation_id, segment_id)
    if learn and segment.speaker_id is None:
        raise CorrectionError("Cannot create emotion profile for unknown speaker. Identify speaker first.")
    await corrections.correct(session, segment_id, emotion, learn=learn)
    await audit.record(session, "emotion.correct", f"segment:{segment_id}")
    if segment.speaker_id is None:
        return Correction(segment.category, emotion, False, 0, None)
    for changed in {emotion, segment.category} if segment.is_corrected else {emotion}:
        await emotions.recompute(session, segment.speaker_id, changed)
    samples = await profiles.samples(session, segment.speaker_id, emotion)
    learned = samples is not None and await corrections.is_learned(session, segment_id, samples.model)
    count = 0 if samples is None else samples.count
    return Correction(segment.category, emotion, learned, count, segment.speaker_name)


async def mark_misidentified(session: AsyncSession, conversation_id: int, segment_id: int, misidentified: bool) -> bool:
    """Leave a corrected segment out of its profile, or take it in again; returns whether a profile was computed again.

    Raises LookupError where there is no such segment, CorrectionError where its emotion was not corrected.
    """
    await speakers.lock(session)
    segment = await corrections.lock_segment(session, conversation_id, segment_id)
    if not segment.is_corrected:
        raise CorrectionError("Segment has no emotion correction to mark as misidentified")
    await corrections.set_misidentified(session, segment_id, misidentified)
    await audit.record(session, "emotion.mark", f"segment:{segment_id}")
    if segment.speaker_id is None or segment.is_misidentified == misidentified:
        return False
    await emotions.recompute(session, segment.speaker_id, segment.category)
    return True
