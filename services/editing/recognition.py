"""The voice embeddings and emotions of segments that people made: parts of one, or several joined."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from media import recording
from pipeline.emotion.feeling import feeling
from pipeline.recognition import recognize
from pipeline.stages import Stages
from pipeline.types import Emotion, Segment, Span, Voiceprint
from services.errors import failure_reason
from services.policy import Policies
from services.recordings import Recordings
from storage.editing.steps import SegmentCopy

logger = logging.getLogger("ray.serve")

TIMEOUT_S = 60.0
"""A person waits for the answer."""
SURROUNDINGS_S = 2.0
"""Read around the segments: embeddings include a little of it, and emotions of short segments do."""
MISSING = "The new segments have no voice embedding and no emotion: {}"
NO_RECORDING = "there is no recording any more."


class Recognizer:
    def __init__(self, recordings: Recordings, stages: Stages[Any], policies: Policies) -> None:
        self._recordings = recordings
        self._stages = stages
        self._policies = policies

    async def recognize(self, key: str | None, segments: Sequence[SegmentCopy]) -> tuple[list[SegmentCopy], list[str]]:
        """The segments, which follow each other, with recognised voices and emotions, and sentences about missing ones.

        Whatever fails, an edit does not: the segments have no embeddings and no emotion then.

        Args:
            key: The conversation's recording; None where there is none.
        """
        if key is None:
            return [_heard(segment, None, None) for segment in segments], [MISSING.format(NO_RECORDING)]
        try:
            async with asyncio.timeout(TIMEOUT_S):
                found, notes = await self._recognize(key, segments)
        except FileNotFoundError:
            return [_heard(segment, None, None) for segment in segments], [MISSING.format(NO_RECORDING)]
        except Exception as error:
            logger.warning("The segments of an edit could not be recognized: %s", error)
            return [_heard(segment, None, None) for segment in segments], [MISSING.format(failure_reason(error))]
        return [_heard(s, each.voice, each.emotion) for s, each in zip(segments, found, strict=True)], notes

    async def _recognize(self, key: str, segments: Sequence[SegmentCopy]) -> tuple[list[Segment], list[str]]:
        padding = (await self._policies.voice_settings()).context_padding
        start = max(0.0, segments[0].start_offset - SURROUNDINGS_S)
        span = Span(start, segments[-1].end_offset + SURROUNDINGS_S)
        channel = segments[0].channel and segments[0].channel - 1
        async with self._recordings.store.local_path(key) as path:
            samples = await asyncio.to_thread(recording.read, path, span, None, channel)
        audio = await self._recordings.shared(samples)
        spoken = [Segment(s.start_offset, s.end_offset, "", (), 0.0) for s in segments]
        local = [replace(segment, start=segment.start - start, end=segment.end - start) for segment in spoken]
        found, notes = await recognize(audio.samples, audio.duration, self._stages, local, padding, _ignore)
        return found, [note.message for note in notes]


async def _ignore(_fraction: float) -> None: ...


def _heard(segment: SegmentCopy, voice: Voiceprint | None, emotion: Emotion | None) -> SegmentCopy:
    """The segment with these vectors and emotion; an emotion that a person corrected stays."""
    felt = emotion and feeling(emotion.scores, emotion.model)
    values: dict[str, object] = {
        "voice_vector": voice and voice.vector,
        "voice_model": voice and voice.model,
        "emotion_scores": emotion and dict(emotion.scores),
        "emotion_vector": emotion and emotion.vector,
        "emotion_model": emotion and emotion.model,
        "detector_breakdown": None,
        "activation": felt and felt.activation,
        "valence": felt and felt.valence,
    }
    if not segment.emotion_corrected:
        values |= {
            "emotion_category": felt and felt.label,
            "emotion_confidence": felt and felt.confidence,
        }
    return segment.model_copy(update=values)
