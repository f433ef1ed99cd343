"""A recording while it is being made: a file that grows, and that a killed program leaves behind whole.

16 kHz mono, 16 bit little-endian, without a header, so that there is nothing to repair. Whoever writes it holds a lock on it,
which the kernel takes back when the process ends: a file without a lock is nobody's any more. All functions block.
"""

import fcntl
import os
from pathlib import Path
from typing import Self

import numpy as np

from media import recording
from pipeline.types import SAMPLE_RATE, Samples

SUFFIX = ".pcm"
WIDTH = 2
"""Bytes of a sample."""
SCALE = 32768
"""As FFmpeg and libsndfile divide 16-bit samples."""
BLOCK = 60 * SAMPLE_RATE


class SpoolBusyError(RuntimeError):
    """Somebody else is writing this recording."""


class Spool:
    """Opens the recording at `path`, which is created where there is none. Raises SpoolBusyError."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._file)
            raise SpoolBusyError(f"{path.name} is being written by somebody else.") from None
        self.length = os.fstat(self._file).st_size // WIDTH
        """Samples that are there."""

    def append(self, samples: Samples) -> None:
        """Add samples; those beyond [-1, 1] are clipped. They outlive this process as soon as this returns. Raises OSError."""
        data = np.rint(samples * SCALE).clip(-SCALE, SCALE - 1).astype("<i2").tobytes()
        written = 0
        while written < len(data):
            written += os.pwrite(self._file, data[written:], self.length * WIDTH + written)
        self.length += len(samples)

    def read(self, start: int, end: int) -> Samples:
        """Samples from `start` to before `end`, as far as there are any."""
        return self._pcm(start, end).astype(np.float32) / np.float32(SCALE)

    def export(self, path: Path) -> None:
        """Write all of it to `path` as the archive keeps recordings, in bounded memory."""
        import soundfile

        with soundfile.SoundFile(path, "w", SAMPLE_RATE, channels=1, **recording.FORMAT) as file:
            for start in range(0, self.length, BLOCK):
                file.write(self._pcm(start, start + BLOCK))

    def close(self) -> None:
        """Let go of the file, which stays for whoever opens it next; its time of change tells since when nobody has it."""
        if self._file >= 0:
            os.utime(self._file)
            os.close(self._file)
        self._file = -1  # the number may be another file's by now

    def discard(self) -> None:
        """Delete the file and let go of it."""
        self.path.unlink(missing_ok=True)
        self.close()

    def _pcm(self, start: int, end: int) -> "np.ndarray[tuple[int], np.dtype[np.int16]]":
        start, end = max(0, start), min(end, self.length)
        data = os.pread(self._file, max(0, end - start) * WIDTH, start * WIDTH)
        return np.frombuffer(data, "<i2")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
