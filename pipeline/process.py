"""Process a recording into a transcript: run the stages in order and combine their results."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import Generic, TypeVar

from pipeline.checkpoint import Diarized, Keep, StageResult, Transcribed, once
from pipeline.concurrency import gather
from pipeline.decoding import PLAIN, Decoding
from pipeline.faults import Fault, attempt, map_surviving, succeeded
from pipeline.hotwords import NO_VOCABULARY, Vocabulary, hotwords_of
from pipeline.languages import most_spoken_first
from pipeline.recognition import recognize
from pipeline.stages import Audio, Progress, Stages
from pipeline.transcript import participants, segmentation
from pipeline.transcript.alignment import align, of_their_own
from pipeline.transcript.diarization import diarize
from pipeline.transcript.gaps import gaps_of_all
from pipeline.transcript.notes import in_order, not_understood, unmet_hint, untranscribed, without_hallucinations
from pipeline.transcript.windows import pack
from pipeline.types import (
    NO_HINT,
    ChannelMode,
    Diarization,
    Note,
    Participant,
    Span,
    SpeakerHint,
    Transcript,
    Utterance,
)

MAX_WINDOWS_IN_FLIGHT = 128
"""Concurrent transcription calls of one recording, all windows of an hour: batches of 16 for as many replicas as a team has,
and a queue that makes Serve start more. Short recordings do not wait behind them: replicas alternate between recordings."""

LAST_STAGE = "recognizing voices and emotions"
"""Runs after the other stages, for each segment."""

R = TypeVar("R", bound=StageResult)


@dataclass(frozen=True, slots=True)
class Options:
    """The options of one recording."""

    language: str | None = None
    hint: SpeakerHint = NO_HINT
    decoding: Decoding = PLAIN
    filter_hallucinations: bool = True
    channels: ChannelMode = "auto"
    context_padding: float = 0.15
    """Seconds before and after a segment that its voice embedding includes."""
    vocabulary: Vocabulary = NO_VOCABULARY


async def process(
    audio: Audio,
    duration: float,
    stages: Stages[Audio],
    options: Options,
    progress: Progress,
    found: Mapping[str, str] = MappingProxyType({}),
    keep: Keep | None = None,
    speech: Sequence[Span] | None = None,
) -> Transcript:
    """Transcribe and diarize concurrently, then find the speaker, voice embedding and emotion of each segment.

    Args:
        audio: The recording, as the stages take it.
        duration: Its length in seconds.
        progress: Called with the current stage and the fraction of the whole work that is done.
        found: Results that an interrupted attempt with the same options passed to `keep`; these stages do not run again.
        keep: Stores the results of finished stages.
        speech: The spans of speech, where they are known.
    """
    return await _Recording(audio, duration, stages, options, _Meter(progress), found, keep, speech).process()


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
        speech: Sequence[Span] | None,
    ) -> None:
        self.audio = audio
        self.duration = duration
        self.stages = stages
        self.options = options
        self.meter = meter
        self.found = found
        self.keep = keep
        self.speech = speech

    async def process(self) -> Transcript:
        transcribed, diarized = await gather(self.once(Transcribed, self.transcribe), self.once(Diarized, self.diarize))
        utterances, diarization = transcribed.utterances, diarized.diarization
        language = main_language(utterances)
        left_out: list[Note] = []
        assigned = of_their_own(diarization)
        if not self.options.decoding.enabled:
            segments = segmentation.of_turns(diarization.exclusive)
        else:
            segments = segmentation.split(align(utterances, assigned), language)
        if self.options.decoding.enabled and self.options.filter_hallucinations:
            hotwords = hotwords_of(self.options.decoding.hotwords)
            segments, left_out = without_hallucinations(segments, assigned.exclusive, hotwords)
        left_out += not_understood(transcribed.gaps, diarization.turns)
        unmet = unmet_hint(self.options.hint, len({turn.speaker for turn in diarization.turns}))
        progress = partial(self.meter, LAST_STAGE)
        padding = self.options.context_padding
        segments, unrecognized = await recognize(self.audio, self.duration, self.stages, segments, padding, progress)
        await self.meter(LAST_STAGE, 1.0)
        timed = in_order([*transcribed.notes, *diarization.notes, *left_out, *unrecognized])
        speaking = {segment.speaker for segment in segments}
        known = {participant.label: participant for participant in diarized.participants}
        return Transcript(
            duration=self.duration,
            language=language,
            segments=tuple(segments),
            participants=tuple(
                # A person who only coughs has turns, but is not stored with a voiceprint.
                known[label] if label in speaking & known.keys() else self.voiceless(label, diarization)
                for label in sorted(speaking | known.keys())
            ),
            turns=diarization.turns,
            notes=(*([] if unmet is None else [unmet]), *timed),
        )

    async def once(self, kind: type[R], work: Callable[[], Awaitable[R]]) -> R:
        result = await once(kind, self.found, self.keep, work)
        await self.meter(kind.stage, 1.0)
        return result

    def voiceless(self, label: str, diarization: Diarization) -> Participant:
        return Participant(label, participants.speech_seconds(diarization.turns, label), voiceprint=None)

    async def transcribe(self) -> Transcribed:
        """All utterances in order of time."""
        if not self.options.decoding.enabled:
            return Transcribed(utterances=())
        windows = pack(await self.stages.transcriber.find_speech(self.audio) if self.speech is None else self.speech)
        if not windows:
            return Transcribed(utterances=(), gaps=(Span(0.0, self.duration),))
        language, decoding = self.options.language, self.options.decoding
        utterances: dict[Span, Sequence[Utterance]] = {}
        if language is None and len(windows) > 1:
            # Every window has its own language; that of the longest one is expected of the others. It is detected before all
            # are transcribed: otherwise they would wait for the words of one window.
            longest = max(windows, key=lambda window: window.duration)
            expected = await attempt(self.stages.transcriber.detect_language(self.audio, longest, decoding))
            if succeeded(expected):
                decoding = replace(decoding, expected_language=expected)

        async def transcribe(window: Span) -> None:
            utterances[window] = await self.stages.transcriber.transcribe(self.audio, window, language, decoding)
            await self.meter("transcribing", len(utterances) / len(windows))

        results = await map_surviving(transcribe, windows, MAX_WINDOWS_IN_FLIGHT)
        notes = [
            untranscribed(window, found) for window, found in zip(windows, results, strict=True) if isinstance(found, Fault)
        ]
        return Transcribed(
            utterances=tuple(utterance for window in windows for utterance in utterances.get(window, ())),
            notes=tuple(notes),
            gaps=tuple(gaps_of_all(self.duration, [(window, utterances.get(window)) for window in windows])),
        )

    async def diarize(self) -> Diarized:
        """The turns, and the participants with their voiceprints."""
        progress = partial(self.meter, "diarizing")
        diarization, found = await diarize(self.audio, self.duration, self.stages, self.options.hint, progress)
        return Diarized(diarization=diarization, participants=tuple(found))


def main_language(utterances: Sequence[Utterance]) -> str | None:
    """The language of most of the speech; None where there is none."""
    spoken = ((each.language, sum(word.end - word.start for word in each.words)) for each in utterances)
    return next(iter(most_spoken_first(spoken)), None)


class _Meter:
    """Combines the progress of the stages into one fraction of the whole, which never decreases."""

    # CPU time, measured with the embedded models.
    SHARES: Mapping[str, float] = MappingProxyType({"transcribing": 0.7, "diarizing": 0.15, LAST_STAGE: 0.15})

    def __init__(self, report: Progress) -> None:
        self._report = report
        self._done = dict.fromkeys(self.SHARES, 0.0)

    async def __call__(self, stage: str, fraction: float) -> None:
        self._done[stage] = max(self._done[stage], min(fraction, 1.0))
        concurrent = ("transcribing", "diarizing")
        slowest = min((name for name in concurrent if self._done[name] < 1.0), key=self._done.__getitem__, default=LAST_STAGE)
        await self._report(slowest, sum(self.SHARES[name] * done for name, done in self._done.items()))
