"""The emotion profiles of a file that is being restored; part of `services.archive.restore`."""

import json
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from sqlalchemy import delete, insert, text
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.formats.profile_file import EmotionProfile as Entry
from pipeline.types import Vector
from storage.tables import EmotionProfile

# Corrections that count (`storage.emotions.emotions.LEARNED`) and whose lines are not here any more.
LOST = """
SELECT speaker, emotion_category, emotion_vector, emotion_model, voice_vector, voice_model FROM restored_segments
WHERE live_id IS NULL AND speaker IS NOT NULL AND emotion_corrected AND emotion_learned AND NOT emotion_misidentified
    AND NOT is_misidentified AND emotion_vector IS NOT NULL ORDER BY id
"""
PROFILES = """
SELECT r.id, entry::text FROM restored_speakers r, json_array_elements(r.emotion_profiles) AS entry ORDER BY r.id
"""
TOUCHED = """
SELECT speaker_id FROM emotion_profiles UNION SELECT id FROM restored_speakers WHERE json_array_length(emotion_profiles) > 0
UNION SELECT speaker_id FROM segments s JOIN participants p ON p.id = participant_id
    WHERE emotion_corrected AND speaker_id IS NOT NULL
"""


async def restore(session: AsyncSession) -> set[int]:
    """Put back the file's profiles, with a base of what no line here says; returns whose profiles are to be made anew."""
    lost: defaultdict[tuple[int, str], list[Any]] = defaultdict(list)
    for row in await session.execute(text(LOST)):
        lost[row.speaker, row.emotion_category].append(row)
    touched = set(await session.scalars(text(TOUCHED)))
    await session.execute(delete(EmotionProfile))
    for speaker_id, entry in (await session.execute(text(PROFILES))).all():
        profile = Entry.model_validate_json(entry)
        values = _row(profile, lost[speaker_id, profile.emotion_category])
        await session.execute(insert(EmotionProfile).values(speaker_id=speaker_id, **values))
    return touched


def _row(profile: Entry, lost: Sequence[Any]) -> dict[str, Any]:
    """The columns; the means are made anew from the base, to which the lost corrections are added."""
    heard = [json.loads(row.emotion_vector) for row in lost if row.emotion_model == profile.embedding_model]
    model = profile.voice_embedding_model
    voices = [json.loads(row.voice_vector) for row in lost if row.voice_vector and row.voice_model == model]
    base, count = _merged(profile.imported_vector, profile.imported_count, heard)
    voice_base, voice_count = _merged(profile.imported_voice_vector, profile.imported_voice_count, voices)
    voice = profile.voice_embedding
    dates = {name: value for name in ("created_at", "updated_at") if (value := getattr(profile, name)) is not None}
    return dates | {
        "emotion_category": profile.emotion_category,
        "vector": np.array(profile.embedding, np.float32),
        "model": profile.embedding_model,
        "sample_count": profile.sample_count,
        "confidence_threshold": profile.confidence_threshold,
        "voice_vector": None if voice is None else np.array(voice, np.float32),
        "voice_model": None if voice is None else profile.voice_embedding_model,
        "voice_sample_count": profile.voice_sample_count,
        "voice_threshold": profile.voice_threshold,
        "imported_vector": base,
        "imported_count": count,
        "imported_voice_vector": voice_base,
        "imported_voice_count": voice_count,
    }


def _merged(mean: Sequence[float] | None, count: int, more: Sequence[Sequence[float]]) -> tuple[Vector | None, int]:
    """A mean of `count` vectors and some vectors besides, as one mean; None of no vectors."""
    total = count + len(more)
    if not total:
        return None, 0
    weighted = [np.array(mean) * count] if mean is not None else []
    return (np.sum([*weighted, *map(np.array, more)], axis=0) / total).astype(np.float32), total
