"""The real stages on a recording in a part of which one of them fails.

The fault is injected, as no input causes it any more.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest

from engines.in_process import LocalStages
from pipeline.decoding import PLAIN, Decoding
from pipeline.process import Options, process
from pipeline.stages import Diarizer, Transcriber
from pipeline.transcript.windows import SHARD_S, WINDOW_STEP_S, shards
from pipeline.types import SAMPLE_RATE, Diarization, Observation, Samples, Span, SpeakerHint, Transcript, Utterance
from tests.engines.speech import conversation
from tests.support.transcriber import ScriptedTranscriber

SHAPES = RuntimeError("mat1 and mat2 shapes cannot be multiplied (1x0 and 80x512)")
AGAIN_S = SHARD_S + 5
"""When the conversation begins a second time."""


@dataclass
class FaultyDiarizer:
    real: Diarizer[Samples]

    async def observe(self, audio: Samples, shard: Span, progress: Callable[[float], Awaitable[None]]) -> Observation:
        if shard.start == 0:
            raise SHAPES
        return await self.real.observe(audio, shard, progress)

    async def cluster(self, observations: Sequence[Observation], hint: SpeakerHint) -> Diarization:
        return await self.real.cluster(observations, hint)


@dataclass
class FaultyTranscriber(ScriptedTranscriber):
    real: Transcriber[Samples]

    async def find_speech(self, audio: Samples) -> Sequence[Span]:
        return await self.real.find_speech(audio)

    async def transcribe(
        self, audio: Samples, window: Span, language: str | None, decoding: Decoding = PLAIN
    ) -> Sequence[Utterance]:
        if window.start < SHARD_S:
            raise SHAPES
        return await self.real.transcribe(audio, window, language, decoding)


async def processed(stages: LocalStages) -> Transcript:
    async def ignore(_stage: str, _fraction: float) -> None: ...

    once = conversation()
    audio = np.concatenate([once, np.zeros(round(AGAIN_S * SAMPLE_RATE) - len(once), np.float32), once])
    return await process(audio, len(audio) / SAMPLE_RATE, stages, Options(language="en"), ignore)


async def test_a_shard_that_the_diarizer_fails_on(real_stages: LocalStages) -> None:
    found = await processed(replace(real_stages, diarizer=FaultyDiarizer(real_stages.diarizer)))
    first, again = ([one for one in found.segments if (one.start > SHARD_S) == later] for later in (False, True))
    text, text_again = (" ".join(one.text for one in part) for part in (first, again))
    assert "Chicago" in text
    assert "Chicago" in text_again
    assert {one.speaker for one in first} == {"SPEAKER_02"}
    assert {one.speaker for one in again} == {"SPEAKER_00", "SPEAKER_01"}
    assert min(turn.start for turn in found.turns) == pytest.approx(AGAIN_S + 6.7, abs=0.5)
    assert {person.label: person.voiceprint is not None for person in found.participants} == {
        "SPEAKER_00": True,
        "SPEAKER_01": True,
        "SPEAKER_02": False,
    }
    failed = shards(found.duration)[0]
    assert [(note.start, note.end) for note in found.notes if str(SHAPES) in note.message] == [(failed.start, failed.end)]


async def test_a_window_that_the_transcriber_fails_on(real_stages: LocalStages) -> None:
    found = await processed(replace(real_stages, transcriber=FaultyTranscriber(real_stages.transcriber)))
    assert all(one.start > AGAIN_S for one in found.segments)
    assert "Chicago" in " ".join(one.text for one in found.segments)
    (note,) = [note for note in found.notes if str(SHAPES) in note.message]
    assert note.start == pytest.approx(6.5, abs=0.5)
    assert note.end == pytest.approx(30.0, abs=0.5)


def test_the_step_of_the_diarizer(real_stages: LocalStages) -> None:
    """Observations of missing shards have windows at this step."""
    assert real_stages.diarizer.engine._windows.step == WINDOW_STEP_S  # type: ignore[attr-defined]
