"""One line of live audio: who says what in it, and how. What `pipeline.process` is for whole recordings."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np

from pipeline.concurrency import gather
from pipeline.identity.matching import units
from pipeline.stages import Audio, Stages
from pipeline.transcript import participants
from pipeline.transcript.alignment import align
from pipeline.transcript.hallucinations import is_hallucination
from pipeline.transcript.windows import shards
from pipeline.types import NO_HINT, Diarization, Participant, Segment, Span

TWO_VOICES = 3.0
"""Seconds of a line from which it is worth asking whether one person says all of it."""
A_VOICE = 1.0
"""Seconds that somebody must say of a line to be told apart in it."""


@dataclass(frozen=True, slots=True)
class ProcessedSegment:
    """What was made of a line."""

    segments: tuple[Segment, ...] = ()
    """One for each change of speaker, with voices and emotions; none where nothing was said."""
    participants: tuple[Participant, ...] = ()
    """Those who say them. Their labels mean nothing outside this line."""
    language: str | None = None

    def shifted(self, by: float) -> "ProcessedSegment":
        """The same with segments and words `by` seconds later."""
        return replace(self, segments=tuple(_shifted(segment, by) for segment in self.segments))


@dataclass(frozen=True, slots=True)
class SegmentOptions:
    """What the lines of a conversation have in common."""

    language: str | None = None
    filter_hallucinations: bool = True
    speaker_threshold: float = 0.5
    """Cosine similarity above which two voices of a line are one."""


async def process_segment(audio: Audio, duration: float, stages: Stages[Audio], how: SegmentOptions) -> ProcessedSegment:
    """Transcribe the line, and listen for its voice, its emotion and a second voice, all at the same time.

    Args:
        audio: The line alone, as the stages take it, at most 30 s.
        duration: Its length in seconds.
    """
    whole = Span(0.0, duration)
    said, voices, emotions, diarization = await gather(
        stages.transcriber.transcribe(audio, whole, how.language),
        stages.embedder.embed_each(audio, [whole]),
        stages.emotion.recognize(audio, [whole]),
        _diarize_line(audio, duration, stages),
    )
    segments = align(said, diarization)
    if how.filter_hallucinations:
        segments = [s for s in segments if not is_hallucination(s.text, s.end - s.start, s.avg_logprob)]
    if not segments:
        return ProcessedSegment()
    people = await _voices(audio, stages, diarization, segments)
    if len(people) > 1 and not _alike(people, how.speaker_threshold):
        parts = await _heard_alone(audio, duration, stages, _by_speaker(segments, {person.label for person in people}))
    else:
        line = replace(_joined(segments), voice=voices[0], emotion=emotions[0])
        parts, people = [line], [Participant(line.speaker, line.end - line.start, voices[0])]
    return ProcessedSegment(tuple(parts), tuple(people), said[0].language)


async def _ignore(_fraction: float) -> None: ...


async def _diarize_line(audio: Audio, duration: float, stages: Stages[Audio]) -> Diarization:
    if duration < TWO_VOICES:
        return Diarization((), ())
    (shard,) = shards(duration)
    return await stages.diarizer.cluster([await stages.diarizer.observe(audio, shard, _ignore)], NO_HINT)


async def _voices(
    audio: Audio, stages: Stages[Audio], diarization: Diarization, segments: Sequence[Segment]
) -> list[Participant]:
    """Those who say enough of a line to be told apart in it."""
    people = []
    for label in sorted({segment.speaker for segment in segments}):
        spans = participants.clean_speech(diarization, label)
        length = sum(segment.end - segment.start for segment in segments if segment.speaker == label)
        if length >= A_VOICE and sum(span.duration for span in spans) >= A_VOICE:
            voice = await stages.embedder.embed(audio, spans, diarization.voiceprints.get(label))
            people.append(Participant(label, length, voice))
    return people


def _alike(people: Sequence[Participant], threshold: float) -> bool:
    """Whether any two of them may be one person, so that it is safer not to tell them apart."""
    vectors, _ = units(np.stack([person.voiceprint.vector for person in people if person.voiceprint is not None]))
    similar = vectors @ vectors.T
    return bool(similar[~np.eye(len(vectors), dtype=bool)].max() > threshold)


def _by_speaker(segments: Sequence[Segment], labels: Collection[str]) -> list[Segment]:
    """What each of `labels` says in a row. What somebody else says goes to whoever speaks before, or else after."""
    speaker = next(segment.speaker for segment in segments if segment.speaker in labels)
    given = []
    for segment in segments:
        speaker = segment.speaker if segment.speaker in labels else speaker
        given.append(replace(segment, speaker=speaker))
    return [_joined(list(group)) for _, group in groupby(given, key=lambda segment: segment.speaker)]


def _joined(parts: Sequence[Segment]) -> Segment:
    words = tuple(word for part in parts for word in part.words)
    logprob = sum(part.avg_logprob * len(part.words) for part in parts) / len(words)
    overlap = any(part.overlap for part in parts)
    return replace(parts[0], end=parts[-1].end, words=words, avg_logprob=logprob, overlap=overlap)


async def _heard_alone(audio: Audio, duration: float, stages: Stages[Audio], parts: Sequence[Segment]) -> list[Segment]:
    """The parts with voices and emotions of their own."""
    spans = [Span(part.start, min(part.end, duration)) for part in parts]
    voices, emotions = await gather(stages.embedder.embed_each(audio, spans), stages.emotion.recognize(audio, spans))
    return [replace(part, voice=v, emotion=e) for part, v, e in zip(parts, voices, emotions, strict=True)]


def _shifted(segment: Segment, by: float) -> Segment:
    words = tuple(replace(word, start=word.start + by, end=word.end + by) for word in segment.words)
    return replace(segment, start=segment.start + by, end=segment.end + by, words=words)
