"""Enrollment: checking that a sample holds enough speech of one person, and its embedding."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.concurrency import gather
from pipeline.stages import Audio, Stages
from pipeline.transcript import participants
from pipeline.transcript.windows import shards
from pipeline.types import NO_HINT, Diarization, Observation, Span, Voiceprint

MIN_SPEECH_S = 1.5
"""An embedding of less is unreliable."""
RELIABLE_SPEECH_S = 3.0
"""On read speech no same-speaker pair is missed from 3 s on (benchmarks/accuracy/speaker_threshold.py)."""
MAX_SAMPLE_S = 300.0
"""An embedding is not better with more speech than `participants.MAX_CLEAN_SPEECH_S`, and a sample is not a recording to
transcribe."""
SECOND_VOICE_SHARE = 0.1
"""Share of the speech from which a second label is a second voice: less is mostly a laugh or a breath."""
SECOND_VOICE_S = 1.0
"""Seconds of the same."""

ADVICE = "send 10 to 30 s of one person speaking."


class UnsuitableSampleError(ValueError):
    """The sample cannot be enrolled. The message is one sentence that says why and what to send instead."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The voice of a sample, and the seconds of clear speech that it was computed from."""

    voice: Voiceprint
    seconds: float

    @property
    def warning(self) -> str | None:
        """Why the voice may be recognised less reliably, in a sentence; None where nothing speaks against it."""
        if self.seconds >= RELIABLE_SPEECH_S:
            return None
        heard = f"There are only {self.seconds:.1f} s of clear speech in the sample"
        return f"{heard}: add another sample to recognise the voice reliably."


async def voice_of(audio: Audio, duration: float, stages: Stages[Audio]) -> Voiceprint:
    """The embedding of the one voice in a sample of `duration` seconds. Raises UnsuitableSampleError."""
    return (await read_sample(audio, duration, stages)).voice


async def read_sample(audio: Audio, duration: float, stages: Stages[Audio]) -> Sample:
    """The one voice in a sample of `duration` seconds. Raises UnsuitableSampleError."""
    if duration < MIN_SPEECH_S:
        raise UnsuitableSampleError(f"The sample is {duration:.1f} s long, which is too short: {ADVICE}")
    speech, diarization = await gather(stages.transcriber.find_speech(audio), _diarize(audio, duration, stages))
    _check_length(sum(span.duration for span in speech), silent=not speech)
    speaker = _only_speaker(diarization)
    spans = participants.clean_speech(diarization, speaker)
    seconds = sum(span.duration for span in spans)
    _check_length(seconds, silent=False)
    return Sample(await stages.embedder.embed(audio, spans, diarization.voiceprints.get(speaker)), seconds)


def _check_length(seconds: float, *, silent: bool) -> None:
    if silent:
        raise UnsuitableSampleError(f"Nobody speaks in the sample: {ADVICE}")
    if seconds < MIN_SPEECH_S:
        raise UnsuitableSampleError(
            f"There are only {seconds:.1f} s of clear speech in the sample, which is too short: {ADVICE}"
        )


def _only_speaker(diarization: Diarization) -> str:
    labels = {turn.speaker for turn in diarization.turns}
    if not labels:
        raise UnsuitableSampleError(f"Nobody speaks in the sample: {ADVICE}")
    spoken = sorted(((participants.speech_seconds(diarization.turns, label), label) for label in labels), reverse=True)
    others = sum(seconds for seconds, _ in spoken[1:])
    if others >= max(SECOND_VOICE_S, SECOND_VOICE_SHARE * (spoken[0][0] + others)):
        raise UnsuitableSampleError(f"{len(labels)} people speak in the sample: send one in which nobody else is heard.")
    return spoken[0][1]


async def _diarize(audio: Audio, duration: float, stages: Stages[Audio]) -> Diarization:
    async def ignore_progress(_fraction: float) -> None: ...

    parts: Sequence[Span] = shards(duration)
    observations: list[Observation] = [await stages.diarizer.observe(audio, part, ignore_progress) for part in parts]
    return await stages.diarizer.cluster(observations, NO_HINT)
