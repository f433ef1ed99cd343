"""Real speech for the engines' tests."""

from pathlib import Path

import pytest
import soundfile

from pipeline.types import SAMPLE_RATE, Samples
from vivavoce import sample

DATA = Path(__file__).parents[3] / "shared" / "data"


def read(path: str) -> Samples:
    """A 16 kHz recording of `../shared/data`; without it, the test is skipped."""
    if not (DATA / path).exists():
        pytest.skip(f"{path} is not here")
    return _samples(DATA / path)


def conversation() -> Samples:
    """The sample that pyannote.audio carries: 30 s, two speakers, no speech in the first six seconds."""
    return _samples(sample.recording())


def _samples(path: Path) -> Samples:
    samples, rate = soundfile.read(path, dtype="float32")
    assert rate == SAMPLE_RATE
    found: Samples = samples
    return found
