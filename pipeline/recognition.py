"""The voice embeddings and emotions of segments. Those that a stage fails on are missing, with a note."""

import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from itertools import groupby

from pipeline.concurrency import even_count, gather, map_bounded
from pipeline.faults import Fault, each_span, succeeded
from pipeline.stages import Audio, Stages
from pipeline.transcript.notes import unrecognized_voice, without_emotion
from pipeline.types import Emotion, Note, Segment, Span, Voiceprint

MAX_SEGMENT_CALLS_IN_FLIGHT = 32
"""Concurrent calls of one recording for the voice embeddings and emotions of its segments."""
SEGMENTS_PER_CALL = 16
"""Segments in one call for voice embeddings and emotions."""
CALL_S = 60.0
"""Seconds of segments in one call, about, unless a single one is longer: long segments are divided among replicas as evenly as
short ones. For every call the embedder computes up to 2.4 s beside the segments."""
MIN_EMOTION_SPAN_S = 1.5
"""A shorter segment is extended by its surroundings: emotion models are trained with clips of two to four seconds."""


async def recognize(
    audio: Audio,
    duration: float,
    stages: Stages[Audio],
    segments: Sequence[Segment],
    context_padding: float,
    progress: Callable[[float], Awaitable[None]],
) -> tuple[list[Segment], list[Note]]:
    """The segments of a recording with their voice embeddings and emotions.

    Args:
        context_padding: Seconds before and after a segment that its voice embedding includes.
        progress: Called with the fraction of the segments that are done.
    """
    done = 0

    async def recognize_batch(batch: Sequence[Segment]) -> tuple[list[Voiceprint | Fault | None], list[Emotion | Fault]]:
        nonlocal done
        found = await voices_and_emotions(
            audio,
            stages,
            [_extended(segment, context_padding, duration) for segment in batch],
            [_extended(segment, _emotion_padding(segment), duration) for segment in batch],
        )
        done += len(batch)
        await progress(done / len(segments))
        return found

    results = await map_bounded(recognize_batch, _batches(segments), MAX_SEGMENT_CALLS_IN_FLIGHT)
    return with_results(
        segments,
        [voice for voices, _ in results for voice in voices],
        [emotion for _, emotions in results for emotion in emotions],
    )


async def voices_and_emotions(
    audio: Audio, stages: Stages[Audio], voice_spans: Sequence[Span], emotion_spans: Sequence[Span]
) -> tuple[list[Voiceprint | Fault | None], list[Emotion | Fault]]:
    """Of each span of a list; a fault for those that the stage fails on."""
    return await gather(
        each_span(lambda spans: stages.embedder.embed_each(audio, spans), voice_spans),
        each_span(lambda spans: stages.emotion.recognize(audio, spans), emotion_spans),
    )


def with_results(
    segments: Sequence[Segment], voices: Sequence[Voiceprint | Fault | None], emotions: Sequence[Emotion | Fault]
) -> tuple[list[Segment], list[Note]]:
    """The segments with what was found, and a note on each stretch of them that something failed in."""
    recognized = [
        replace(segment, voice=voice if succeeded(voice) else None, emotion=emotion if succeeded(emotion) else None)
        for segment, voice, emotion in zip(segments, voices, emotions, strict=True)
    ]
    return recognized, [*_notes(segments, voices, unrecognized_voice), *_notes(segments, emotions, without_emotion)]


def _notes(segments: Sequence[Segment], results: Sequence[object], note: Callable[[Span, Fault], Note]) -> list[Note]:
    """One for consecutive segments, with the reason of the first."""
    notes = []
    for failed, pairs in groupby(zip(segments, results, strict=True), key=lambda pair: isinstance(pair[1], Fault)):
        stretch = list(pairs)
        fault = stretch[0][1]
        if failed and isinstance(fault, Fault):
            notes.append(note(Span(stretch[0][0].start, stretch[-1][0].end), fault))
    return notes


def _emotion_padding(segment: Segment) -> float:
    return max(0.0, MIN_EMOTION_SPAN_S - (segment.end - segment.start)) / 2


def _batches(segments: Sequence[Segment]) -> list[list[Segment]]:
    """Consecutive segments for one call each, of about the same length together."""
    total = sum(segment.end - segment.start for segment in segments)
    count = even_count(max(math.ceil(len(segments) / SEGMENTS_PER_CALL), math.ceil(total / CALL_S)))
    batches: list[list[Segment]] = []
    seconds, last = 0.0, -1
    for segment in segments:
        length = segment.end - segment.start
        number = math.floor((seconds + length / 2) / total * count) if total else 0  # a word may have no length
        if number > last or len(batches[-1]) == SEGMENTS_PER_CALL:
            batches.append([])
        batches[-1].append(segment)
        seconds, last = seconds + length, number
    return batches


def _extended(segment: Segment, padding: float, duration: float) -> Span:
    """The segment with its surroundings, within the recording."""
    return Span(max(0.0, segment.start - padding), min(duration, segment.end + padding))
