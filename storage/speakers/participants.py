"""Participants, the voices of one conversation: adding one, and what they sound like once their lines have changed."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.identity.matching import centroid
from pipeline.transcript.participants import free_label
from pipeline.types import Vector
from storage.postgres.conditions import one_of
from storage.tables import ParticipantRow, SegmentRow


async def add(session: AsyncSession, conversation_id: int, speaker_id: int | None, *, enrolled: bool) -> int:
    """A participant without lines; returns the id."""
    taken = set(await session.scalars(select(ParticipantRow.label).where(ParticipantRow.conversation_id == conversation_id)))
    values = {"conversation_id": conversation_id, "label": free_label(taken), "speaker_id": speaker_id, "enrolled": enrolled}
    return (await session.execute(insert(ParticipantRow).values(values).returning(ParticipantRow.id))).scalar_one()


async def of_speaker(session: AsyncSession, conversation_id: int, speaker_id: int) -> int | None:
    """Who in the conversation is this speaker; of several the one who speaks most."""
    mine = (ParticipantRow.conversation_id == conversation_id, ParticipantRow.speaker_id == speaker_id)
    order = ParticipantRow.speech.desc(), ParticipantRow.id
    return await session.scalar(select(ParticipantRow.id).where(*mine).order_by(*order).limit(1))


async def speakers_of(session: AsyncSession, participant_ids: Iterable[int]) -> dict[int, int | None]:
    """The speaker of each of the participants; None for one without a lasting speaker."""
    found = select(ParticipantRow.id, ParticipantRow.speaker_id).where(one_of(ParticipantRow.id, list(participant_ids)))
    return {row.id: row.speaker_id for row in await session.execute(found)}


async def count_segments(session: AsyncSession, participant_ids: Iterable[int]) -> int:
    """How many segments the participants have."""
    found = select(func.count()).select_from(SegmentRow).where(one_of(SegmentRow.participant_id, list(participant_ids)))
    return (await session.execute(found)).scalar_one()


async def clear_speakers(session: AsyncSession, participant_ids: Iterable[int]) -> None:
    """Leave participants without a speaker, so that their vectors are references of nobody."""
    which = one_of(ParticipantRow.id, list(participant_ids))
    await session.execute(update(ParticipantRow).where(which).values(speaker_id=None))


async def delete_silent(session: AsyncSession, conversation_id: int) -> set[int]:
    """Delete the participants of a conversation that have no segments; returns the speakers that they were."""
    has_segments = select(SegmentRow.id).where(SegmentRow.participant_id == ParticipantRow.id).exists()
    silent = delete(ParticipantRow).where(ParticipantRow.conversation_id == conversation_id, ~has_segments)
    gone = await session.scalars(silent.returning(ParticipantRow.speaker_id))
    return {speaker for speaker in gone if speaker is not None}


async def add_speech(session: AsyncSession, participant_id: int, seconds: float) -> None:
    """Add to the seconds that a participant speaks. `seconds` may be negative; the sum is at least 0."""
    change = update(ParticipantRow).where(ParticipantRow.id == participant_id)
    await session.execute(change.values(speech=func.greatest(ParticipantRow.speech + seconds, 0.0)))


async def recompute(session: AsyncSession, participant_ids: Iterable[int]) -> list[int]:
    """Bring participants to what their lines say, after some came, left or were found to be somebody else's.

    The vector becomes the mean of the lines' unit vectors, weighted by their length and normalised. Left out are lines that are
    misidentified, and lines that somebody else speaks over as long as others remain. Without any line that is theirs there is
    no vector; where no line has one, too short or transcribed before lines had any, it stays.

    Returns those whose vector changed.
    """
    changed = []
    for participant_id in participant_ids:
        row = (
            await session.execute(
                select(ParticipantRow.vector, ParticipantRow.model).where(ParticipantRow.id == participant_id)
            )
        ).one()
        lines = (await session.execute(_lines().where(SegmentRow.participant_id == participant_id))).all()
        vector, model = _voice(lines, row.vector, row.model)
        if vector is row.vector:
            continue
        if vector is not None and row.vector is not None and np.allclose(vector, row.vector, atol=1e-6):
            continue  # rounding
        values = {"vector": vector, "model": model}
        await session.execute(update(ParticipantRow).where(ParticipantRow.id == participant_id).values(values))
        changed.append(participant_id)
    return changed


def _lines() -> Any:
    length = func.greatest(SegmentRow.end_offset - SegmentRow.start_offset, 0.01).label("length")
    voice = (SegmentRow.voice_vector, SegmentRow.voice_model)
    return select(length, *voice, SegmentRow.overlap, SegmentRow.is_misidentified).order_by(SegmentRow.position)


def _voice(lines: Sequence[Any], vector: Vector | None, model: str | None) -> tuple[Vector | None, str | None]:
    own = [line for line in lines if not line.is_misidentified]
    if not own:
        return None, None
    if model is None:
        model = next((line.voice_model for line in reversed(own) if line.voice_model is not None), None)
    heard = [line for line in own if line.voice_model is not None and line.voice_model == model]
    if not heard:
        only_others = any(line.is_misidentified and line.voice_vector is not None for line in lines)
        return (None, None) if vector is None or only_others else (vector, model)
    clean = [line for line in heard if not line.overlap] or heard
    mean = centroid([line.voice_vector for line in clean], [line.length for line in clean])
    return (None, None) if mean is None else (mean, model)
