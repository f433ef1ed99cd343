"""Stored recordings: FLAC, 16 kHz mono, 16 bit; half the size of WAV, with random access."""

import errno
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from media import free_space
from media.memory import MemoryBudget
from pipeline.types import SAMPLE_RATE, Samples, Span

SUFFIX = ".flac"
FORMAT = {"format": "FLAC", "subtype": "PCM_16"}
BLOCK_SAMPLES = 60 * SAMPLE_RATE


def write(path: Path, samples: Samples) -> None:
    """Write samples in [-1, 1]. Blocks; about 300 times real time."""
    write_blocks(path, (samples[start : start + BLOCK_SAMPLES] for start in range(0, len(samples), BLOCK_SAMPLES)))


def write_blocks(path: Path, blocks: Iterable[Samples]) -> int:
    """Write blocks of samples as they come; returns the number of samples. Blocks. Raises OSError, DiskFullError."""
    import soundfile

    free_space.require(path.parent)
    written = checked = 0
    with soundfile.SoundFile(path, "w", SAMPLE_RATE, channels=1, **FORMAT) as file:
        for samples in blocks:
            try:
                file.write(np.clip(samples, -1.0, 1.0))
            except soundfile.LibsndfileError as error:  # it gives no number; the file is open, so the disk is the cause
                raise OSError(errno.ENOSPC, "The recording cannot be written") from error
            written += len(samples)
            if written - checked > BLOCK_SAMPLES:
                free_space.require(path.parent)
                checked = written
    return written


def duration(path: Path) -> float:
    """Length in seconds. Blocks; reads only the header."""
    import soundfile

    return float(soundfile.info(path).duration)


def read(path: Path, span: Span | None = None, memory: MemoryBudget | None = None) -> Samples:
    """The samples of `span`, clipped to the recording, or all of them. Blocks.

    Without a budget they are in memory. Raises DiskFullError.
    """
    import soundfile

    with soundfile.SoundFile(path) as file:
        start, end = 0, file.frames
        if span is not None:
            start = min(max(0, round(span.start * SAMPLE_RATE)), end)
            end = min(max(start, round(span.end * SAMPLE_RATE)), end)
            file.seek(start)
        samples = np.empty(end - start, np.float32) if memory is None else memory.allocate(end - start)
        for at in range(0, len(samples), BLOCK_SAMPLES):
            block = samples[at : at + BLOCK_SAMPLES]
            found = file.read(out=block)
            block[len(found) :] = 0  # a damaged file ends before its header says
        return samples
