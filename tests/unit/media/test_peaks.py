"""Peaks say how loud each stretch of a recording is."""

from pathlib import Path

import numpy as np
import pytest

from media import recording
from media.peaks import LOUDEST, PER_SECOND, Peaks, reduced
from pipeline.types import SAMPLE_RATE


async def test_a_recording_of_more_than_a_block_has_all_its_peaks(tmp_path: Path) -> None:
    samples = np.zeros((61 * SAMPLE_RATE + 7, 2), np.float32)
    samples[60 * SAMPLE_RATE + 100, 1] = -0.5
    recording.write_blocks(tmp_path / "a.flac", [samples], channels=2)
    await Peaks().write(tmp_path / "a.flac", tmp_path / "a.peaks")
    content = (tmp_path / "a.peaks").read_bytes()
    assert len(content) == 61 * PER_SECOND + 1
    assert [i for i, peak in enumerate(content) if peak] == [60 * PER_SECOND]
    assert content[60 * PER_SECOND] == round(LOUDEST / 2)
    assert reduced(content, 1) == [0] * 60 + [content[60 * PER_SECOND], 0]


@pytest.mark.parametrize("per_second", [0.01, 0.3, 1, 7, 49.9, 50])
def test_no_peak_is_lost_at_any_resolution(per_second: float) -> None:
    stored = np.random.default_rng(1).integers(0, 256, 1003).astype(np.uint8)
    found = reduced(stored.tobytes(), per_second)
    assert len(found) == int(np.ceil(len(stored) * per_second / PER_SECOND))
    assert max(found) == stored.max()
    assert reduced(b"", per_second) == []


def test_each_stretch_has_its_own_peak() -> None:
    stored = bytes(range(100))
    assert reduced(stored, PER_SECOND) == list(stored)
    assert reduced(stored, PER_SECOND / 10) == [9, 19, 29, 39, 49, 59, 69, 79, 89, 99]
