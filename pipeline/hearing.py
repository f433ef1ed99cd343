"""One line of live audio: who says what in it, and how. What `pipeline.process` is for whole recordings."""

import asyncio
from collections.abc import Awaitable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, TypeVar

import numpy as np

from pipeline import participants
from pipeline.alignment import align
from pipeline.hallucinations import is_hallucination
from pipeline.identity import units
from pipeline.process import SHARDS_IN_FLIGHT
from pipeline.stages import Audio, Stages
from pipeline.types import NO_HINT, Diarization, Participant, Segment, Span, SpeakerHint, Voiceprint, Word
from pipeline.windows import shards

TWO_VOICES = 3.0
"""Seconds of a line from which it is worth asking whether one person says all of it."""
A_VOICE = 1.0
"""Seconds that somebody must say of a line to be told apart in it."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Heard:
    """What was made of a line."""

    segments: tuple[Segment, ...] = ()
    """One for each change of speaker, with voices and emotions; none where nothing was said."""
    participants: tuple[Participant, ...] = ()
    """Those who say them. Their labels mean nothing outside this line."""
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Hearing:
    """What the lines of a conversation have in common."""

    language: str | None = None
    filter_hallucinations: bool = True
    speaker_threshold: float = 0.5
    """Cosine similarity above which two voices of a line are one."""


async def hear(audio: Audio, duration: float, stages: Stages[Audio], how: Hearing) -> Heard:
    """Transcribe the line, and listen for its voice, its emotion and a second voice, all at the same time.

    Args:
        audio: The line alone, as the stages take it, at most 30 s.
        duration: Its length in seconds.
    """
    whole = Span(0.0, duration)
    said, voices, emotions, diarization = await together(
        stages.transcriber.transcribe(audio, whole, how.language),
        stages.embedder.embed_each(audio, [whole]),
        stages.emotion.recognize(audio, [whole]),
        _diarize_line(audio, duration, stages),
    )
    segments = align(said, diarization)
    if how.filter_hallucinations:
        segments = [s for s in segments if not is_hallucination(s.text, s.end - s.start, s.avg_logprob)]
    if not segments:
        return Heard()
    people = await _voices(audio, stages, diarization, segments)
    if len(people) > 1 and not _alike(people, how.speaker_threshold):
        parts = await _heard_alone(audio, duration, stages, _by_speaker(segments, {person.label for person in people}))
    else:
        line = replace(_joined(segments), voice=voices[0], emotion=emotions[0])
        parts, people = [line], [Participant(line.speaker, line.end - line.start, voices[0])]
    return Heard(tuple(parts), tuple(people), said[0].language)


async def diarize(
    audio: Audio, duration: float, stages: Stages[Audio], hint: SpeakerHint = NO_HINT
) -> tuple[Diarization, Mapping[str, Voiceprint | None]]:
    """Who speaks when in a whole recording, and what each of them sounds like where there is enough to know it by."""
    room = asyncio.Semaphore(SHARDS_IN_FLIGHT)

    async def observe(shard: Span) -> Any:
        async with room:
            return await stages.diarizer.observe(audio, shard, _ignore)

    observations = await together(*(observe(shard) for shard in shards(duration)))
    diarization = await stages.diarizer.cluster(observations, hint)
    voices: dict[str, Voiceprint | None] = {}
    for label in sorted({turn.speaker for turn in diarization.turns}):
        spans = participants.clean_speech(diarization, label)
        heard = diarization.voiceprints.get(label)
        voices[label] = await stages.embedder.embed(audio, spans, heard) if spans else None
    return diarization, voices


def speakers_of(lines: Mapping[int, Sequence[Word]], diarization: Diarization) -> dict[int, str]:
    """Who says most of each line; those during which the diarizer heard nobody are left out."""
    turns = sorted(diarization.exclusive, key=lambda turn: turn.start)
    starts, ends = (np.array([getattr(turn, edge) for turn in turns]) for edge in ("start", "end"))
    found: dict[int, str] = {}
    for line, words in lines.items():
        spoken: dict[str, float] = {}
        for word in words:
            for i in range(int(np.searchsorted(ends, word.start, "right")), int(np.searchsorted(starts, word.end, "left"))):
                length = min(turns[i].end, word.end) - max(turns[i].start, word.start)
                spoken[turns[i].speaker] = spoken.get(turns[i].speaker, 0.0) + length
        if spoken:
            found[line] = max(sorted(spoken), key=spoken.__getitem__)
    return found


async def together(*calls: Awaitable[Any]) -> list[Any]:
    """The results of all; where one fails the others are cancelled, and its error is the one that is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_run(call)) for call in calls]
    except* Exception as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]


async def _run(call: Awaitable[T]) -> T:
    return await call


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
    voices, emotions = await together(stages.embedder.embed_each(audio, spans), stages.emotion.recognize(audio, spans))
    return [replace(part, voice=v, emotion=e) for part, v, e in zip(parts, voices, emotions, strict=True)]
