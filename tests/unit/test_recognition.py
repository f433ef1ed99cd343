"""The calls in which the segments of a recording are recognized."""

from collections.abc import Sequence

import numpy as np
import pytest

from pipeline.recognition import recognize
from pipeline.stages import Stages
from pipeline.types import Emotion, Samples, Segment, Span, Voiceprint
from tests.support.fixed_stages import FixedStages

VECTOR = np.ones(4, np.float32)


class Recorded(FixedStages):
    """Records how many segments each call has; a result names its segment."""

    def __init__(self) -> None:
        self.calls: list[int] = []

    async def embed_each(self, audio: Samples, spans: Sequence[Span]) -> Sequence[Voiceprint | None]:
        return [Voiceprint(VECTOR * span.start, "voices") for span in spans]

    async def recognize(self, audio: Samples, spans: Sequence[Span]) -> Sequence[Emotion]:
        self.calls.append(len(spans))
        return [Emotion("happy", 0.5, {}, VECTOR * span.start, "feelings") for span in spans]


async def ignore(_fraction: float) -> None: ...


@pytest.mark.parametrize(
    ("seconds", "count", "calls"),
    [
        (2.0, 40, [14, 13, 13]),
        (10.0, 20, [5, 5, 5, 5]),
        (90.0, 3, [1, 1, 1]),
        (3.3, 1088, [14] * 48 + [13] * 32),
        (2.0, 0, []),
        (0.0, 17, [16, 1]),
    ],
    ids=["short", "long", "longer than a call", "an hour", "none", "without length"],
)
async def test_calls_have_up_to_16_segments_and_a_minute_of_audio_evenly(seconds: float, count: int, calls: list[int]) -> None:
    stage = Recorded()
    segments = [Segment(seconds * i, seconds * (i + 1), "A", (), -0.1) for i in range(count)]
    every = Stages(stage, stage, stage, stage)
    found, notes = await recognize(np.zeros(1, np.float32), seconds * count, every, segments, 0.0, ignore)
    assert sorted(stage.calls, reverse=True) == calls
    assert [segment.voice and segment.voice.vector[0] for segment in found] == [segment.start for segment in segments]
    assert [segment.emotion and segment.emotion.vector[0] for segment in found] == [segment.start for segment in segments]
    assert notes == []
