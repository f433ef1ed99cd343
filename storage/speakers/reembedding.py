"""Find clear segments of a speaker, and store the references that a model computes from them."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.types import Span, Voiceprint
from storage.speakers import speakers
from storage.tables import Conversation, ParticipantRow, SegmentRow, Speaker, VoiceprintRow, VoiceRow, spoken_by

SOURCE = "re-embedded"
MOST_RECORDINGS = 5
"""A voice differs between rooms; more references than this hardly improve recognition."""
ENOUGH = 30.0
"""Seconds of speech in one recording."""
SHORTEST = 1.5
"""Seconds; an embedding of a shorter segment is unreliable."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Segments of one speaker in one recording."""

    audio_key: str
    spans: tuple[Span, ...]


async def stretches(session: AsyncSession, speaker_id: int) -> tuple[str, list[Stretch]]:
    """The speaker's name, and their longest clear segments in the recordings that have most of them. Raises LookupError."""
    name = await session.scalar(select(Speaker.name).where(Speaker.id == speaker_id))
    if name is None:
        raise LookupError("Speaker not found")
    length = SegmentRow.end_offset - SegmentRow.start_offset
    lines = (
        select(Conversation.audio_key, SegmentRow.start_offset, SegmentRow.end_offset)
        .join(ParticipantRow, SegmentRow.participant_id == ParticipantRow.id)
        .join(Conversation, SegmentRow.conversation_id == Conversation.id)
        .where(spoken_by(VoiceRow.speaker_id == speaker_id), Conversation.audio_key.is_not(None), length >= SHORTEST)
        .where(~SegmentRow.overlap, ~SegmentRow.is_misidentified)
        .order_by(length.desc(), SegmentRow.id)
        .limit(1000)
    )
    found: defaultdict[str, list[Span]] = defaultdict(list)
    for key, start, end in await session.execute(lines):
        assert key is not None
        if math.fsum(span.duration for span in found[key]) < ENOUGH:
            found[key].append(Span(start, end))
    most = sorted(found, key=lambda key: -math.fsum(span.duration for span in found[key]))[:MOST_RECORDINGS]
    return name, [Stretch(key, tuple(sorted(found[key], key=lambda span: span.start))) for key in most]


async def keep(session: AsyncSession, speaker_id: int, voices: Sequence[Voiceprint]) -> None:
    """Replace the speaker's references that the same model computed from recordings before. Raises LookupError."""
    await speakers.lock(session)
    if await session.scalar(select(Speaker.id).where(Speaker.id == speaker_id)) is None:
        raise LookupError("Speaker not found")
    former = (VoiceprintRow.speaker_id == speaker_id, VoiceprintRow.source == SOURCE)
    await session.execute(delete(VoiceprintRow).where(*former, VoiceprintRow.model.in_({voice.model for voice in voices})))
    for voice in voices:
        if np.isfinite(voice.vector).all() and voice.vector.any():
            session.add(VoiceprintRow(speaker_id=speaker_id, vector=voice.vector, model=voice.model, source=SOURCE))
            await session.flush()
