"""Voices of imported participants, computed from their recording by the present model."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from media import recording
from pipeline.stages import SpeakerEmbedder
from pipeline.types import SAMPLE_RATE, Samples, Span, Voiceprint
from services.archive.legacy_people import ImportedVoice
from storage.legacy.rows import LegacySegment
from storage.speakers.reembedding import ENOUGH, SHORTEST


async def embedded(voices: Sequence[ImportedVoice], kept: Path, embedder: SpeakerEmbedder[Any]) -> list[ImportedVoice]:
    """The same participants with voiceprints, where they have enough clear speech."""
    length = await asyncio.to_thread(recording.duration, kept)
    return [
        replace(voice, participant=replace(voice.participant, voice=await _voiceprint(voice.segments, length, kept, embedder)))
        for voice in voices
    ]


async def _voiceprint(
    segments: Sequence[LegacySegment], length: float, kept: Path, embedder: SpeakerEmbedder[Any]
) -> Voiceprint | None:
    spans = _longest(segments, length)
    if not spans:
        return None
    samples = await asyncio.to_thread(_read, kept, spans)
    voice = await embedder.embed(samples, [Span(0.0, len(samples) / SAMPLE_RATE)])
    return voice if np.isfinite(voice.vector).all() and voice.vector.any() else None


def _longest(segments: Sequence[LegacySegment], length: float) -> list[Span]:
    """The longest segments, in order of time: up to `ENOUGH` seconds, and the rest of the last one of them."""
    spans = [Span(one.start, min(one.end, one.start + ENOUGH, length)) for one in segments if not one.is_misidentified]
    chosen: list[Span] = []
    for span in sorted(spans, key=lambda span: -span.duration):
        if span.duration < SHORTEST or sum(one.duration for one in chosen) >= ENOUGH:
            break
        chosen.append(span)
    return sorted(chosen, key=lambda span: span.start)


def _read(kept: Path, spans: Sequence[Span]) -> Samples:
    """Blocks."""
    return np.concatenate([recording.read(kept, span) for span in spans])
