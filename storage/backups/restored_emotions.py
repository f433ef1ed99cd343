"""Restore the emotion profiles of a file, once its speakers and segments are restored."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from sqlalchemy import CompoundSelect, case, delete, func, insert, select, union, update
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.types import Vector
from storage.backups.staging import StagedProfile, StagedSegment, StagedSpeaker
from storage.emotions.emotions import learned
from storage.tables import EmotionProfile, ParticipantRow, SegmentRow

# Corrections that profiles learn from and that have no stored segment.
LOST = (
    select(
        *(StagedSegment.speaker, StagedSegment.emotion_category, StagedSegment.emotion_vector, StagedSegment.emotion_model),
        *(StagedSegment.voice_vector, StagedSegment.voice_model),
    )
    .where(
        StagedSegment.live_id.is_(None),
        StagedSegment.speaker.is_not(None),
        learned(StagedSegment.__table__.columns),
    )
    .order_by(StagedSegment.id)
)
# Speakers with profiles or corrections that the restore changes.
CHANGED: CompoundSelect[int | None] = union(
    select(EmotionProfile.speaker_id),
    select(StagedSpeaker.id).join(StagedProfile, StagedProfile.file_speaker_id == StagedSpeaker.file_id),
    select(ParticipantRow.speaker_id)
    .join(SegmentRow, SegmentRow.participant_id == ParticipantRow.id)
    .where(SegmentRow.emotion_corrected, ParticipantRow.speaker_id.is_not(None)),
)
COPIED = (
    *("emotion_category", "vector", "model", "sample_count", "confidence_threshold", "voice_sample_count"),
    *("voice_threshold", "imported_vector", "imported_count", "imported_voice_vector", "imported_voice_count"),
)
# A file may have the imported samples of a voice without their mean.
VOICE = func.coalesce(StagedProfile.voice_vector, StagedProfile.imported_voice_vector)
PROFILES = insert(EmotionProfile).from_select(
    ["speaker_id", "voice_vector", "voice_model", "created_at", "updated_at", *COPIED],
    select(
        StagedSpeaker.id,
        VOICE,
        case((VOICE.is_not(None), StagedProfile.voice_model)),
        func.coalesce(StagedProfile.created_at, func.now()),
        func.coalesce(StagedProfile.updated_at, func.now()),
        *(getattr(StagedProfile, name) for name in COPIED),
    )
    .join(StagedProfile, StagedProfile.file_speaker_id == StagedSpeaker.file_id)
    .order_by(StagedSpeaker.id, StagedProfile.id),
)
BASES = select(
    *(StagedProfile.model, StagedProfile.imported_vector, StagedProfile.imported_count),
    *(StagedProfile.voice_model, StagedProfile.imported_voice_vector, StagedProfile.imported_voice_count),
).join(StagedSpeaker, StagedProfile.file_speaker_id == StagedSpeaker.file_id)


async def restore(session: AsyncSession) -> set[int]:
    """Replace the profiles by those of the file; returns the speakers with profiles to recompute."""
    connection = await session.connection()
    changed = {row.speaker_id for row in await connection.execute(CHANGED)}
    lost: defaultdict[tuple[int, str], list[Any]] = defaultdict(list)
    for row in await connection.execute(LOST):
        lost[row.speaker, row.emotion_category].append(row)
    await connection.execute(delete(EmotionProfile))
    await connection.execute(PROFILES)
    for (speaker_id, emotion), rows in lost.items():
        staged = BASES.where(StagedSpeaker.id == speaker_id, StagedProfile.emotion_category == emotion)
        profile = (await connection.execute(staged)).one_or_none()
        if profile is not None:
            stored = (EmotionProfile.speaker_id == speaker_id, EmotionProfile.emotion_category == emotion)
            await connection.execute(update(EmotionProfile).where(*stored).values(_with_lost(profile, rows)))
    return changed


def _with_lost(profile: Any, rows: Sequence[Any]) -> dict[str, Any]:
    """The base of a profile, which stands for what has no segment here, with the corrections of `rows`."""
    emotions = [row.emotion_vector for row in rows if row.emotion_model == profile.model]
    voices = [
        row.voice_vector
        for row in rows
        if row.voice_vector is not None and row.voice_vector.any() and row.voice_model == profile.voice_model
    ]
    vector, count = _merged(profile.imported_vector, profile.imported_count, emotions)
    voice, voice_count = _merged(profile.imported_voice_vector, profile.imported_voice_count, voices)
    values = {
        "imported_vector": vector,
        "imported_count": count,
        "imported_voice_vector": voice,
        "imported_voice_count": voice_count,
    }
    # The columns of the mean are recomputed later. Recomputation needs the model of the imported voice.
    return values if voice is None else values | {"voice_vector": voice, "voice_model": profile.voice_model}


def _merged(mean: Vector | None, count: int, more: Sequence[Vector]) -> tuple[Vector | None, int]:
    """The mean of `count` vectors with the given mean, and of more vectors; None of no vectors."""
    total = count + len(more)
    if not total:
        return None, 0
    vectors = [vector.astype(np.float64) for vector in more]
    if mean is not None:
        vectors.append(mean.astype(np.float64) * count)
    merged: Vector = (np.sum(np.stack(vectors), axis=0) / total).astype(np.float32)
    return merged, total
