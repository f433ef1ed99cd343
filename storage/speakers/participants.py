"""The table of participants: the voices of conversations, with their speakers and vectors."""

from collections.abc import Iterable

import numpy as np
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.identity.participant_voice import SegmentVoice, participant_voice
from pipeline.transcript.participants import free_label
from pipeline.types import Vector, Voiceprint
from storage.postgres.conditions import one_of
from storage.tables import ParticipantRow, SegmentRow

MIN_WEIGHT_S = 0.01
"""Seconds that a segment without duration counts."""
ROUNDING = 1e-6
"""Difference between two vectors' numbers up to which they are the same."""


async def add(session: AsyncSession, conversation_id: int, speaker_id: int | None, *, enrolled: bool) -> int:
    """Add a participant without segments; returns its id."""
    taken = set(await session.scalars(select(ParticipantRow.label).where(ParticipantRow.conversation_id == conversation_id)))
    values = {"conversation_id": conversation_id, "label": free_label(taken), "voice_id": speaker_id, "enrolled": enrolled}
    return (await session.execute(insert(ParticipantRow).values(values).returning(ParticipantRow.id))).scalar_one()


async def speakers_of(session: AsyncSession, participant_ids: Iterable[int]) -> dict[int, int | None]:
    """The speaker of each of the participants; None for one without a lasting speaker."""
    found = select(ParticipantRow.id, ParticipantRow.speaker_id).where(one_of(ParticipantRow.id, list(participant_ids)))
    return {row.id: row.speaker_id for row in await session.execute(found)}


async def count_segments(session: AsyncSession, participant_ids: Iterable[int]) -> int:
    """How many segments the participants have."""
    found = select(func.count()).select_from(SegmentRow).where(one_of(SegmentRow.participant_id, list(participant_ids)))
    return (await session.execute(found)).scalar_one()


async def clear_speakers(session: AsyncSession, participant_ids: Iterable[int]) -> None:
    """Leave participants without a speaker, so that their vectors are no references."""
    which = one_of(ParticipantRow.id, list(participant_ids))
    await session.execute(update(ParticipantRow).where(which).values(voice_id=None))


async def delete_silent(session: AsyncSession, conversation_id: int) -> set[int]:
    """Delete the participants of a conversation that have no segments; returns the speakers that they were."""
    has_segments = select(SegmentRow.id).where(SegmentRow.participant_id == ParticipantRow.id).exists()
    silent = delete(ParticipantRow).where(ParticipantRow.conversation_id == conversation_id, ~has_segments)
    gone = await session.scalars(silent.returning(ParticipantRow.speaker_id))
    return {speaker for speaker in gone if speaker is not None}


async def add_speech(session: AsyncSession, participant_id: int, seconds: float) -> None:
    """Add to the seconds that a participant speaks. `seconds` may be negative; the sum is at least 0."""
    change = update(ParticipantRow).where(ParticipantRow.id == participant_id)
    await session.execute(change.values(speech_seconds=func.greatest(ParticipantRow.speech_seconds + seconds, 0.0)))


async def recompute(session: AsyncSession, participant_ids: Iterable[int]) -> list[int]:
    """Compute the vectors of participants from their segments, after some were added, removed or marked as misidentified.

    `pipeline.identity.participant_voice` has the rules. Returns the participants with a changed vector.
    """
    changed = []
    for participant_id in participant_ids:
        stored = await _stored_voice(session, participant_id)
        voice = participant_voice(await _segment_voices(session, participant_id), stored)
        if voice is stored:
            continue
        if voice is not None and stored is not None and np.allclose(voice.vector, stored.vector, atol=ROUNDING):
            continue
        values = {"vector": voice and voice.vector, "model": voice and voice.model}
        await session.execute(update(ParticipantRow).where(ParticipantRow.id == participant_id).values(values))
        changed.append(participant_id)
    return changed


async def _stored_voice(session: AsyncSession, participant_id: int) -> Voiceprint | None:
    found = select(ParticipantRow.vector, ParticipantRow.model).where(ParticipantRow.id == participant_id)
    row = (await session.execute(found)).one()
    return _voiceprint(row.vector, row.model)


async def _segment_voices(session: AsyncSession, participant_id: int) -> list[SegmentVoice]:
    duration = func.greatest(SegmentRow.end_offset - SegmentRow.start_offset, MIN_WEIGHT_S)
    columns = (duration, SegmentRow.voice_vector, SegmentRow.voice_model, SegmentRow.overlap, SegmentRow.is_misidentified)
    found = select(*columns).where(SegmentRow.participant_id == participant_id).order_by(SegmentRow.position)
    return [
        SegmentVoice(seconds, _voiceprint(vector, model), overlap, is_misidentified)
        for seconds, vector, model, overlap, is_misidentified in await session.execute(found)
    ]


def _voiceprint(vector: Vector | None, model: str | None) -> Voiceprint | None:
    """The table's constraint: both are given or none."""
    return None if vector is None or model is None else Voiceprint(vector, model)
