"""Stored recordings: FLAC, 16 kHz, 16 bit; half the size of WAV, with random access.

They have one channel, or several that are transcribed on their own.
"""

import errno
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np

from media import free_space
from media.downmix import Channels, Downmix
from media.memory import MemoryBudget
from pipeline.types import SAMPLE_RATE, Samples, Span

SUFFIX = ".flac"
FORMAT = {"format": "FLAC", "subtype": "PCM_16"}
BLOCK_SAMPLES = 60 * SAMPLE_RATE


def write(path: Path, samples: Samples) -> None:
    """Write samples in [-1, 1]. Blocks; about 300 times real time."""
    write_blocks(path, (samples[start : start + BLOCK_SAMPLES] for start in range(0, len(samples), BLOCK_SAMPLES)))


def write_blocks(path: Path, blocks: Iterable[Samples | Channels], channels: int = 1) -> int:
    """Write blocks, shape (n,) or (n, channels), as they come; returns their length. Blocks. Raises OSError, DiskFullError."""
    import soundfile

    free_space.require(path.parent)
    written = checked = 0
    with soundfile.SoundFile(path, "w", SAMPLE_RATE, channels=channels, **FORMAT) as file:
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
    """Length in seconds. Blocks; reads only the header. Raises FileNotFoundError."""
    import soundfile

    with _missing_file(path):
        return float(soundfile.info(path).duration)


def channels(path: Path) -> int:
    """How many are kept. Blocks; reads only the header. Raises FileNotFoundError."""
    import soundfile

    with _missing_file(path):
        return int(soundfile.info(path).channels)


def read(
    source: Path | BinaryIO, span: Span | None = None, memory: MemoryBudget | None = None, channel: int | None = None
) -> Samples:
    """The samples of `span`, clipped to the recording, or all of them; of one channel, or all of them mixed. Blocks.

    Without a budget they are in memory. Raises DiskFullError, FileNotFoundError.
    """
    import soundfile

    with _missing_file(source), soundfile.SoundFile(source) as file:
        start, end = 0, file.frames
        if span is not None:
            start = min(max(0, round(span.start * SAMPLE_RATE)), end)
            end = min(max(start, round(span.end * SAMPLE_RATE)), end)
            file.seek(start)
        samples = np.empty(end - start, np.float32) if memory is None else memory.allocate(end - start)
        downmix = Downmix()
        for at in range(0, len(samples), BLOCK_SAMPLES):
            block = samples[at : at + BLOCK_SAMPLES]
            found = file.read(len(block), dtype="float32", always_2d=True) if file.channels > 1 else file.read(out=block)
            if found.ndim > 1:
                block[: len(found)] = downmix.mix(found) if channel is None else found[:, channel]
            block[len(found) :] = 0  # a damaged file ends before its header says
        return samples


@contextmanager
def _missing_file(source: Path | BinaryIO) -> Iterator[None]:
    """libsndfile has the same error for a file that is gone, such as that of a conversation just deleted, as for others."""
    import soundfile

    try:
        yield
    except soundfile.LibsndfileError as error:
        if isinstance(source, Path) and not source.exists():
            raise FileNotFoundError(errno.ENOENT, "The recording is gone", str(source)) from error
        raise
