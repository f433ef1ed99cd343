"""Diarization of a whole recording, with stages that answer from a script. Other tests check the models."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pipeline.stages import Stages
from pipeline.transcript.diarization import diarize, speakers_of
from pipeline.types import Diarization, Observation, Participant, Span, SpeakerHint, Turn, Voiceprint, Word

AUDIO = "a reference that the pipeline only hands on"
ALICE, BOB = (Voiceprint(np.eye(2, dtype=np.float32)[i], "voices") for i in range(2))


@dataclass
class Script:
    """Alice speaks for a minute, Bob for another, and Cleo says a word while Bob speaks."""

    shards: list[Span] = field(default_factory=list)
    hints: list[SpeakerHint] = field(default_factory=list)

    async def observe(self, audio: str, shard: Span, progress: Callable[[float], Awaitable[None]]) -> Observation:
        self.shards.append(shard)
        await progress(1.0)
        return Observation(np.zeros((1, 1, 1), np.uint8), np.zeros((1, 1, 1), np.float32))

    async def cluster(self, observations: Sequence[Observation], hint: SpeakerHint) -> Diarization:
        self.hints.append(hint)
        turns = (Turn(0, 60, "A"), Turn(60, 120, "B"), Turn(70, 71, "C"))
        return Diarization(turns, turns[:2], {"B": BOB})

    async def embed(self, audio: str, spans: Sequence[Span], known: Voiceprint | None = None) -> Voiceprint:
        return known or ALICE


async def test_a_recording_is_diarized_shard_by_shard() -> None:
    stage: Any = Script()
    told: list[float] = []

    async def progress(fraction: float) -> None:
        told.append(fraction)

    hint = SpeakerHint(num_speakers=3)
    diarization, people = await diarize(AUDIO, 300.0, Stages(stage, stage, stage, stage), hint, progress)
    assert stage.shards == [Span(0, 100), Span(100, 200), Span(200, 300)]
    assert stage.hints == [hint]
    assert sorted(told) == [1 / 3, 2 / 3, 1.0]
    assert len(diarization.turns) == 3
    # All speech of Cleo overlaps with another speaker.
    assert people == [Participant("A", 60, ALICE), Participant("B", 60, BOB), Participant("C", 1, None)]


def test_a_segment_belongs_to_the_turn_with_the_largest_overlap() -> None:
    turns = (Turn(0, 2, "A"), Turn(2, 6, "B"), Turn(8, 9, "A"))
    lines = {1: [Word("x", 0, 1, 1)], 2: [Word("x", 1, 2, 1), Word("y", 2, 4, 1)], 3: [Word("z", 6.5, 7, 1)], 4: []}
    assert speakers_of(lines, Diarization(turns, turns)) == {1: "A", 2: "B"}


def test_without_turns_a_segment_has_no_speaker() -> None:
    assert speakers_of({1: [Word("x", 0, 1, 1)]}, Diarization((), ())) == {}
