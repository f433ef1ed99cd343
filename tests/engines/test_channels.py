"""Real recordings with a speaker on each channel or track, through the real stages."""

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engines.in_process import LocalStages
from media import separation
from pipeline.channels import process_channels
from pipeline.process import Options
from pipeline.transcript.tokens import tokens
from pipeline.types import SAMPLE_RATE, ChannelMode, Samples, Transcript
from services.recordings import Audio
from tests.support.program import DATA

pytestmark = pytest.mark.skipif(not (DATA / "edge").is_dir(), reason="the recordings in ../shared/data are absent")

FENCE = "some sung out tear down the fence tear down the fence"
ACCOUNT = "i really liked that account of himself better than anything else he said"


async def ignore(_stage: str, _fraction: float) -> None: ...


async def transcript(stages: LocalStages, path: Path, mode: ChannelMode = "auto") -> Transcript:
    async def load(samples: Samples) -> Audio:
        return Audio(samples, len(samples) / SAMPLE_RATE)

    loads: list[Callable[[], Awaitable[Audio]]] = [partial(load, one) for one in separation.load(path, mode, 60).channels]
    return await process_channels(loads, stages, Options(channels=mode), ignore)


def said(found: Transcript) -> list[tuple[int | None, str, str]]:
    """The channel, speaker and sentence of each segment. The model mishears a word of a sentence here and there."""
    return [(one.channel, one.speaker, sentence(one.text)) for one in found.segments]


def sentence(text: str) -> str:
    spoken = tokens(text)
    near = (known for known in (FENCE, ACCOUNT) if sum(word not in known.split() for word in spoken) <= 1)
    return next((known for known in near if abs(len(known.split()) - len(spoken)) <= 1), text)


async def test_the_reported_tracks(real_stages: LocalStages) -> None:
    found = await transcript(real_stages, DATA / "edge/reports/two_tracks.mp4")
    assert said(found) == [(1, "SPEAKER_00", FENCE), (2, "SPEAKER_01", ACCOUNT)]
    assert found.segments[1].start == pytest.approx(6.0, abs=0.5)


@pytest.mark.parametrize("echo", [0.0, 0.05])
async def test_people_who_talk_at_the_same_time_on_a_line(real_stages: LocalStages, tmp_path: Path, echo: float) -> None:
    """`separate` also works where each channel contains an echo of the other one, at -26 dB."""
    tracks = separation.load(DATA / "edge/reports/two_tracks.mp4", "separate", 60).channels
    first, second = tracks[0][: 6 * SAMPLE_RATE], tracks[1][6 * SAMPLE_RATE : 12 * SAMPLE_RATE]
    call = np.stack([first + echo * second, second + echo * first], axis=1)
    soundfile.write(tmp_path / "call.wav", call, SAMPLE_RATE)
    found = await transcript(real_stages, tmp_path / "call.wav", "separate")
    assert sorted(said(found)) == [(1, "SPEAKER_00", FENCE), (2, "SPEAKER_01", ACCOUNT)]
    assert all(one.overlap for one in found.segments)
