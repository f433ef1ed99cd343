"""The file to which a live recording is appended. It stays complete if the program is killed.

16 kHz mono, 16 bit little-endian, without a header that would have to be repaired. The writer holds a lock on the file, which
the kernel releases when the process ends: a file without a lock has no writer. All functions block.
"""

import fcntl
import os
from pathlib import Path
from typing import Self

import numpy as np

from media import recording
from media.recording import BLOCK_SAMPLES
from pipeline.types import SAMPLE_RATE, Samples

SUFFIX = ".pcm"
SAMPLE_BYTES = 2
SCALE = 32768
"""Full scale, as in FFmpeg and libsndfile."""


class SpoolBusyError(RuntimeError):
    """Another process or stream is writing this recording."""


class Spool:
    """Opens the recording at `path`, and creates it if it does not exist. Raises SpoolBusyError."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._file)
            raise SpoolBusyError(f"Another stream is writing {path.name}.") from None
        self.length = os.fstat(self._file).st_size // SAMPLE_BYTES
        """Samples in the file."""

    def append(self, samples: Samples) -> None:
        """Add samples; those beyond [-1, 1] are clipped. They survive the end of this process. Raises OSError."""
        data = np.rint(samples * SCALE).clip(-SCALE, SCALE - 1).astype("<i2").tobytes()
        written = 0
        while written < len(data):
            written += os.pwrite(self._file, data[written:], self.length * SAMPLE_BYTES + written)
        self.length += len(samples)

    def read(self, start: int, end: int) -> Samples:
        """Samples from `start` to before `end`, as far as the recording reaches."""
        return self._pcm(start, end).astype(np.float32) / np.float32(SCALE)

    def export(self, path: Path) -> None:
        """Write the recording to `path` in the format of stored recordings, in bounded memory."""
        import soundfile

        with soundfile.SoundFile(path, "w", SAMPLE_RATE, channels=1, **recording.FORMAT) as file:
            for start in range(0, self.length, BLOCK_SAMPLES):
                file.write(self._pcm(start, start + BLOCK_SAMPLES))

    def close(self) -> None:
        """Release the file, which stays for the next writer. Its modification time is set to now, when it became free."""
        if self._file >= 0:
            os.utime(self._file)
            os.close(self._file)
        self._file = -1  # the system may give the number to another file

    def discard(self) -> None:
        """Delete the file and release it."""
        self.path.unlink(missing_ok=True)
        self.close()

    def _pcm(self, start: int, end: int) -> "np.ndarray[tuple[int], np.dtype[np.int16]]":
        start, end = max(0, start), min(end, self.length)
        data = os.pread(self._file, max(0, end - start) * SAMPLE_BYTES, start * SAMPLE_BYTES)
        return np.frombuffer(data, "<i2")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
