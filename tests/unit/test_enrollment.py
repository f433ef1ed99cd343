"""Which samples can enroll a voice, and the error messages for those that cannot."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import numpy as np
import pytest

from pipeline.identity.enrollment import UnsuitableSampleError, read_sample, voice_of
from pipeline.identity.sample_set import SampleSet, sample_set
from pipeline.stages import Stages
from pipeline.types import Diarization, Observation, Span, SpeakerHint, Turn, Voiceprint
from tests.support.transcriber import ScriptedTranscriber

WANTED = "send 10 to 30 s of one person speaking."
VOICE = Voiceprint(np.ones(4, np.float32), "test")


class Script(ScriptedTranscriber):
    """Stages that answer with the given turns; `embedded` holds the spans of the embedded speech."""

    def __init__(self, *turns: Turn, silent: bool = False) -> None:
        self.turns, self.silent = turns, silent
        self.embedded: Sequence[Span] = ()

    async def find_speech(self, _audio: None) -> Sequence[Span]:
        return [] if self.silent else [Span(turn.start, turn.end) for turn in self.turns]

    async def observe(self, _audio: None, _shard: Span, _progress: Callable[[float], Awaitable[None]]) -> Observation:
        return Observation(np.zeros((0, 0, 0), np.uint8), np.zeros((0, 0, 0), np.float32))

    async def cluster(self, _observations: Sequence[Observation], _hint: SpeakerHint) -> Diarization:
        return Diarization(self.turns, self.turns)

    async def embed(self, _audio: None, spans: Sequence[Span], _heard: Voiceprint | None = None) -> Voiceprint:
        self.embedded = spans
        return VOICE

    async def voice(self, duration: float) -> Voiceprint:
        stage: Any = self
        return await voice_of(None, duration, Stages(stage, stage, stage, stage))


async def test_all_speech_of_one_voice_is_embedded() -> None:
    script = Script(Turn(0, 4, "A"), Turn(5, 9, "A"))
    assert await script.voice(10) is VOICE
    assert [(span.start, span.end) for span in script.embedded] == [(0, 4), (5, 9)]


@pytest.mark.parametrize(
    ("script", "duration", "says"),
    [
        (Script(Turn(0, 1.4, "A")), 1.4, f"The sample is 1.4 s long, which is too short: {WANTED}"),
        (Script(Turn(0, 9, "A"), silent=True), 10, f"Nobody speaks in the sample: {WANTED}"),
        (Script(Turn(4, 5.25, "A")), 30, f"There are only 1.2 s of clear speech in the sample, which is too short: {WANTED}"),
        (
            Script(Turn(0, 6, "A"), Turn(6, 9, "B")),
            10,
            "2 people speak in the sample: send one in which nobody else is heard.",
        ),
    ],
    ids=["too short", "silent", "hardly anything said", "of two people"],
)
async def test_an_unsuitable_sample_is_refused_with_the_reason(script: Script, duration: float, says: str) -> None:
    with pytest.raises(UnsuitableSampleError) as refused:
        await script.voice(duration)
    assert str(refused.value) == says
    assert not script.embedded


@pytest.mark.parametrize(("seconds", "warns"), [(1.5, True), (2.9, True), (3.0, False)])
async def test_a_short_sample_is_enrolled_with_a_warning(seconds: float, warns: bool) -> None:
    stage: Any = Script(Turn(0, seconds, "A"))
    sample = await read_sample(None, 5.0, Stages(stage, stage, stage, stage))
    assert sample.voice is VOICE
    assert (sample.warning is not None) == warns


async def test_a_laugh_in_the_background_is_no_speaker() -> None:
    script = Script(Turn(0, 12, "A"), Turn(12, 12.8, "B"))
    assert await script.voice(14) is VOICE
    assert [(span.start, span.end) for span in script.embedded] == [(0, 12)]


def samples(*lengths: float | None, similarity: float = 0.9) -> SampleSet:
    """Of one person; the last one has this similarity to the others, which are equal."""
    vectors = [np.array([1, 0], np.float32)] * (len(lengths) - 1)
    last = np.array([similarity, np.sqrt(1 - similarity**2)], np.float32)
    return sample_set(list(zip([*vectors, last], lengths, strict=True)), "test", 0.53)


@pytest.mark.parametrize(
    ("enrolled", "certainty", "advises"),
    [
        (samples(2.0), "low", "Add 2 more samples"),
        (samples(20.0), "fair", "Add 2 more samples"),
        (samples(None), "fair", "Add 2 more samples"),
        (samples(20.0, 20.0), "fair", "Add one more sample"),
        (samples(20.0, 20.0, 20.0), "good", None),
        (samples(20.0, None, 20.0), "good", None),
        (samples(1.5, 1.6, 1.7), "low", "very short"),
        (samples(20.0, 20.0, 20.0, similarity=0.4), "low", "sounds unlike the others"),
    ],
)
def test_three_samples_that_agree_are_sure(enrolled: SampleSet, certainty: str, advises: str | None) -> None:
    assert enrolled.certainty == certainty
    assert advises in enrolled.advice if advises and enrolled.advice else enrolled.advice is advises
