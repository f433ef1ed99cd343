"""The waveform of a recording: how loud it is in each short stretch, as a file of one byte for each."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.types import SAMPLE_RATE

PER_SECOND = 50
"""Stretches in the file: 2 MB for 12 hours."""
STRETCH_SAMPLES = SAMPLE_RATE // PER_SECOND
BLOCK_SAMPLES = 60 * SAMPLE_RATE
LOUDEST = 255


@dataclass(frozen=True, slots=True)
class Peaks:
    """A form of a recording that is kept beside it (`services.encodings`)."""

    suffix: str = ".peaks"

    def size(self, seconds: float) -> int:
        """About the bytes of a file."""
        return int(seconds * PER_SECOND)

    async def write(self, source: Path, target: Path) -> None:
        """Write the peaks of a recording, those of the loudest of its channels. Memory for a minute of it is used."""
        await asyncio.to_thread(_write, source, target)


def reduced(content: bytes, per_second: float) -> list[int]:
    """The peaks of a file in stretches of which there are `per_second`, from 0 to `LOUDEST`."""
    stored = np.frombuffer(content, np.uint8)
    count = int(np.ceil(len(stored) * per_second / PER_SECOND))
    starts = np.minimum((np.arange(count) * (PER_SECOND / per_second)).astype(np.int64), max(len(stored) - 1, 0))
    found: list[int] = np.maximum.reduceat(stored, starts).tolist() if count else []
    return found


def _write(source: Path, target: Path) -> None:
    import soundfile

    with soundfile.SoundFile(source) as file, target.open("wb") as peaks:
        while len(block := file.read(BLOCK_SAMPLES, dtype="float32", always_2d=True)):
            peaks.write(_of_block(np.abs(block).max(axis=1)).tobytes())


def _of_block(loudness: NDArray[np.float32]) -> NDArray[np.uint8]:
    starts = np.arange(0, len(loudness), STRETCH_SAMPLES)
    loudest: NDArray[np.uint8] = np.rint(np.minimum(np.maximum.reduceat(loudness, starts), 1.0) * LOUDEST).astype(np.uint8)
    return loudest
