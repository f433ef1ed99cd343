"""From a recording to its transcript: which stage runs when, and what joins their results."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import Generic, TypeVar

from pipeline.checkpoint import Diarized, StageResult, Transcribed
from pipeline.concurrency import gather, map_bounded
from pipeline.stages import Audio, Progress, Stages
from pipeline.transcript import participants, segmentation
from pipeline.transcript.alignment import align
from pipeline.transcript.diarization import diarize
from pipeline.transcript.hallucinations import is_hallucination
from pipeline.transcript.windows import pack
from pipeline.types import NO_HINT, Diarization, Participant, Segment, Span, SpeakerHint, Transcript, Utterance

WINDOWS_IN_FLIGHT = 128
"""Windows of one recording that wait to be transcribed, of an hour all: batches of 16 for as many replicas as a team has, and a
sign for Serve to start more of them. A short recording does not wait behind them: replicas let recordings take turns."""
LINES_IN_FLIGHT = 32
"""Calls of one recording that wait for its lines' voices and emotions."""
SPANS_PER_CALL = 16
"""Segments whose voices and emotions are asked for in one call."""
SHORTEST_FELT = 1.5
"""Seconds. A shorter segment is heard with what surrounds it; models of emotion learned from clips of two to four seconds."""

LAST = "recognizing voices and emotions"
"""What waits for the other stages: it is done line by line."""

R = TypeVar("R", bound=StageResult)


@dataclass(frozen=True, slots=True)
class Options:
    """What the caller of one recording may choose."""

    language: str | None = None
    hint: SpeakerHint = NO_HINT
    filter_hallucinations: bool = True
    context_padding: float = 0.15
    """Seconds around a line that its voice is heard in, too."""


Keep = Callable[[str, str], Awaitable[None]]
"""Given the name of a stage and what it found, as text, once it is through."""


async def process(
    audio: Audio,
    duration: float,
    stages: Stages[Audio],
    options: Options,
    progress: Progress,
    found: Mapping[str, str] = MappingProxyType({}),
    keep: Keep | None = None,
) -> Transcript:
    """Transcribe and diarize at the same time, then give every line its speaker and its emotion.

    Args:
        audio: The recording, as the stages take it.
        duration: Its length in seconds.
        progress: Told which stage is at work and how much of the whole is done.
        found: What an attempt that was cut off gave to `keep`, with the same options; it is not done again.
        keep: Takes what there is so far.
    """
    return await _Recording(audio, duration, stages, options, _Meter(progress), found, keep).process()


class _Recording(Generic[Audio]):
    def __init__(
        self,
        audio: Audio,
        duration: float,
        stages: Stages[Audio],
        options: Options,
        meter: "_Meter",
        found: Mapping[str, str],
        keep: Keep | None,
    ) -> None:
        self.audio = audio
        self.duration = duration
        self.stages = stages
        self.options = options
        self.meter = meter
        self.found = found
        self.keep = keep

    async def process(self) -> Transcript:
        transcribed, diarized = await gather(self.once(Transcribed, self.transcribe), self.once(Diarized, self.diarize))
        utterances, diarization = transcribed.utterances, diarized.diarization
        segments = segmentation.split(align(utterances, diarization))
        if self.options.filter_hallucinations:
            segments = [s for s in segments if not is_hallucination(s.text, s.end - s.start, s.avg_logprob)]
        segments = await self.hear_lines(segments)
        speaking = {segment.speaker for segment in segments}
        known = {participant.label: participant for participant in diarized.participants}
        return Transcript(
            duration=self.duration,
            language=utterances[0].language if utterances else None,
            segments=tuple(segments),
            participants=tuple(
                # Somebody who coughs is in the diarization, but is nobody to be remembered.
                known[label] if label in speaking & known.keys() else self.nobody(label, diarization)
                for label in sorted(speaking | known.keys())
            ),
            turns=diarization.turns,
        )

    async def once(self, kind: type[R], work: Callable[[], Awaitable[R]]) -> R:
        """The result of `work`, or the one that an earlier attempt stored."""
        if kind.stage in self.found:
            await self.meter(kind.stage, 1.0)
            return await asyncio.to_thread(kind.load, self.found[kind.stage])
        result = await work()
        if self.keep is not None:
            await self.keep(kind.stage, await asyncio.to_thread(result.dump))
        return result

    def nobody(self, label: str, diarization: Diarization) -> Participant:
        return Participant(label, participants.speech(diarization.turns, label), voiceprint=None)

    async def transcribe(self) -> Transcribed:
        """All utterances in order of time."""
        windows = pack(await self.stages.transcriber.find_speech(self.audio))
        if not windows:
            await self.meter("transcribing", 1.0)
            return Transcribed(utterances=())
        language = self.options.language
        heard: dict[Span, Sequence[Utterance]] = {}
        if language is None:
            # One language a recording, told from the window that holds most; its transcript comes with the answer.
            longest = max(windows, key=lambda window: window.duration)
            heard[longest] = await self.stages.transcriber.transcribe(self.audio, longest, None)
            language = heard[longest][0].language if heard[longest] else None

        async def hear(window: Span) -> None:
            heard[window] = await self.stages.transcriber.transcribe(self.audio, window, language)
            await self.meter("transcribing", len(heard) / len(windows))

        await map_bounded(hear, [window for window in windows if window not in heard], WINDOWS_IN_FLIGHT)
        await self.meter("transcribing", 1.0)
        return Transcribed(utterances=tuple(utterance for window in windows for utterance in heard[window]))

    async def diarize(self) -> Diarized:
        """Who speaks when, and the participants with their voiceprints."""
        progress = partial(self.meter, "diarizing")
        diarization, found = await diarize(self.audio, self.duration, self.stages, self.options.hint, progress)
        await self.meter("diarizing", 1.0)
        return Diarized(diarization=diarization, participants=tuple(found))

    def around(self, segment: Segment) -> Span:
        """Where to listen for a segment's emotion: nobody hears one in half a second."""
        more = max(0.0, SHORTEST_FELT - (segment.end - segment.start)) / 2
        return Span(max(0.0, segment.start - more), min(self.duration, segment.end + more))

    def padded(self, segment: Segment) -> Span:
        """Where to listen for a segment's voice."""
        padding = self.options.context_padding
        return Span(max(0.0, segment.start - padding), min(self.duration, segment.end + padding))

    async def hear_lines(self, segments: Sequence[Segment]) -> list[Segment]:
        """The segments with their voices and emotions."""
        done = 0

        async def hear(batch: Sequence[Segment]) -> list[Segment]:
            nonlocal done
            voices, emotions = await gather(
                self.stages.embedder.embed_each(self.audio, [self.padded(segment) for segment in batch]),
                self.stages.emotion.recognize(self.audio, [self.around(segment) for segment in batch]),
            )
            done += len(batch)
            await self.meter(LAST, done / len(segments))
            heard = zip(batch, voices, emotions, strict=True)
            return [replace(segment, voice=voice, emotion=emotion) for segment, voice, emotion in heard]

        batches = [segments[i : i + SPANS_PER_CALL] for i in range(0, len(segments), SPANS_PER_CALL)]
        lines = [segment for batch in await map_bounded(hear, batches, LINES_IN_FLIGHT) for segment in batch]
        await self.meter(LAST, 1.0)
        return lines


class _Meter:
    """Sums the stages up to one fraction of the whole that never goes back."""

    # CPU time, measured with the embedded models.
    SHARES: Mapping[str, float] = MappingProxyType({"transcribing": 0.7, "diarizing": 0.15, LAST: 0.15})

    def __init__(self, report: Progress) -> None:
        self._report = report
        self._done = dict.fromkeys(self.SHARES, 0.0)

    async def __call__(self, stage: str, fraction: float) -> None:
        self._done[stage] = max(self._done[stage], min(fraction, 1.0))
        side_by_side = ("transcribing", "diarizing")
        behind = min((name for name in side_by_side if self._done[name] < 1.0), key=self._done.__getitem__, default=LAST)
        await self._report(behind, sum(self.SHARES[name] * done for name, done in self._done.items()))
