"""Stored recordings: FLAC, 16 kHz mono, 16 bit; half the size of WAV, with random access."""

from pathlib import Path

import numpy as np

from pipeline.types import SAMPLE_RATE, Samples, Span

SUFFIX = ".flac"
FORMAT = {"format": "FLAC", "subtype": "PCM_16"}
BLOCK_SAMPLES = 60 * SAMPLE_RATE


def write(path: Path, samples: Samples) -> None:
    """Write samples in [-1, 1]. Blocks; about 300 times real time."""
    import soundfile

    with soundfile.SoundFile(path, "w", SAMPLE_RATE, channels=1, **FORMAT) as file:
        for start in range(0, len(samples), BLOCK_SAMPLES):
            file.write(np.clip(samples[start : start + BLOCK_SAMPLES], -1.0, 1.0))


def duration(path: Path) -> float:
    """Length in seconds. Blocks; reads only the header."""
    import soundfile

    return float(soundfile.info(path).duration)


def read(path: Path, span: Span | None = None) -> Samples:
    """The samples of `span`, clipped to the recording, or all of them. Blocks."""
    import soundfile

    with soundfile.SoundFile(path) as file:
        if span is None:
            return np.asarray(file.read(dtype="float32"))
        start = min(max(0, round(span.start * SAMPLE_RATE)), file.frames)
        file.seek(start)
        return np.asarray(file.read(max(0, round(span.end * SAMPLE_RATE) - start), dtype="float32"))
