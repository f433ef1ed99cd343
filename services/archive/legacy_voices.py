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
    samples = await asyncio.to_thread(recording.read, kept)
    return [
        replace(voice, participant=replace(voice.participant, voice=await _voiceprint(voice.segments, samples, embedder)))
        for voice in voices
    ]


async def _voiceprint(segments: Sequence[LegacySegment], samples: Samples, embedder: SpeakerEmbedder[Any]) -> Voiceprint | None:
    """Of the longest segments."""
    end = len(samples) / SAMPLE_RATE
    spans = [Span(one.start, min(one.end, end)) for one in segments if not one.is_misidentified]
    chosen: list[Span] = []
    for span in sorted(spans, key=lambda span: -span.duration):
        if span.duration < SHORTEST or sum(one.duration for one in chosen) >= ENOUGH:
            break
        chosen.append(span)
    if not chosen:
        return None
    voice = await embedder.embed(samples, sorted(chosen, key=lambda span: span.start))
    return voice if np.isfinite(voice.vector).all() and voice.vector.any() else None
