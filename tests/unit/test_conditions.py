"""Speech that sounds like rooms and telephones (`benchmarks/harness/conditions.py`)."""

import numpy as np
import pytest

from benchmarks.harness.conditions import coded, room
from pipeline.types import SAMPLE_RATE, Samples


def speech() -> Samples:
    """Two seconds of a changing tone, with pauses."""
    time = np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE
    tone = 0.1 * np.sin(2 * np.pi * (300 + 100 * time) * time) * (np.sin(2 * np.pi * 3 * time) > -0.5)
    return np.asarray(tone, np.float32)


@pytest.mark.parametrize(
    ("codec", "rate", "bit_rate"),
    [("pcm_mulaw", 8000, None), ("libopencore_amrnb", 8000, 7950), ("libopus", 16000, 8000), ("g722", 16000, None)],
)
def test_a_codec_keeps_length_and_place(codec: str, rate: int, bit_rate: int | None) -> None:
    said = speech()
    heard = coded(said, codec, rate, bit_rate)
    assert heard.shape == said.shape
    lags = np.correlate(heard, said, "same")
    assert abs(int(lags.argmax()) - len(said) // 2) <= SAMPLE_RATE // 1000
    assert np.corrcoef(heard, said)[0, 1] > 0.6


def test_a_distant_voice_reverberates_and_keeps_its_loudness() -> None:
    said = speech()
    near, far = (room(said, np.random.default_rng(0), 0.5, direct) for direct in (20.0, -6.0))
    assert np.corrcoef(near, said)[0, 1] > 0.95 > np.corrcoef(far, said)[0, 1]
    assert np.sqrt(np.mean(far**2)) == pytest.approx(np.sqrt(np.mean(said**2)), rel=1e-3)
    assert (room(said, np.random.default_rng(0), 0.5, -6.0) == far).all()
