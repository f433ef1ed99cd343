"""Whether a sample is good enough to know a voice by, and the voice in it."""

from collections.abc import Sequence

from pipeline.stages import Audio, Stages
from pipeline.transcript import participants
from pipeline.transcript.windows import shards
from pipeline.types import NO_HINT, Diarization, Observation, Span, Voiceprint

SHORTEST = 3.0
"""Seconds of speech. On read speech no own voice is missed from 3 s on (benchmarks/accuracy/speaker_threshold.py)."""
LONGEST = 300.0
"""Seconds. More than `participants.MAX_CLEAN_SPEECH_S` does not improve a voiceprint, and a sample is no whole recording."""
ANOTHER = 0.1
"""Share of the speech from which a second voice is one, and not the diarizer's mistake about a laugh or a breath."""
ANOTHER_SECONDS = 1.0

WANTED = "send 10 to 30 s of one person speaking."


class UnsuitableSampleError(ValueError):
    """Nobody should be known by this sample; the message is one sentence that says why and what to send instead."""


async def voice_of(audio: Audio, duration: float, stages: Stages[Audio]) -> Voiceprint:
    """The one voice in a sample of `duration` seconds. Raises UnsuitableSampleError."""
    if duration < SHORTEST:
        raise UnsuitableSampleError(f"The sample is {duration:.1f} s long, which is too short: {WANTED}")
    speech = await stages.transcriber.find_speech(audio)
    _check_length(sum(span.duration for span in speech), silent=not speech)
    diarization = await _diarize(audio, duration, stages)
    speaker = _only_speaker(diarization)
    spans = participants.clean_speech(diarization, speaker)
    _check_length(sum(span.duration for span in spans), silent=False)
    return await stages.embedder.embed(audio, spans, diarization.voiceprints.get(speaker))


def _check_length(seconds: float, *, silent: bool) -> None:
    if silent:
        raise UnsuitableSampleError(f"Nobody speaks in the sample: {WANTED}")
    if seconds < SHORTEST:
        raise UnsuitableSampleError(
            f"There are only {seconds:.1f} s of clear speech in the sample, which is too short: {WANTED}"
        )


def _only_speaker(diarization: Diarization) -> str:
    labels = {turn.speaker for turn in diarization.turns}
    if not labels:
        raise UnsuitableSampleError(f"Nobody speaks in the sample: {WANTED}")
    spoken = sorted(((participants.speech_seconds(diarization.turns, label), label) for label in labels), reverse=True)
    others = sum(seconds for seconds, _ in spoken[1:])
    if others >= max(ANOTHER_SECONDS, ANOTHER * (spoken[0][0] + others)):
        raise UnsuitableSampleError(f"{len(labels)} people speak in the sample: send one in which nobody else is heard.")
    return spoken[0][1]


async def _diarize(audio: Audio, duration: float, stages: Stages[Audio]) -> Diarization:
    async def nobody_waits(_fraction: float) -> None: ...

    parts: Sequence[Span] = shards(duration)
    observations: list[Observation] = [await stages.diarizer.observe(audio, part, nobody_waits) for part in parts]
    return await stages.diarizer.cluster(observations, NO_HINT)
