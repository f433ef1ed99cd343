"""Sound as a sequence of bytes, of which any part can be read. All methods block."""

import struct
from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO, Protocol

import numpy as np

from pipeline.types import SAMPLE_RATE

BLOCK_BYTES = 2**18
"""Read at a time: 8 s of WAV."""
HEADER_BYTES = 44
SAMPLE_BYTES = 2
MAX_RIFF_BYTES = 2**32 - 1
"""37 hours. A longer WAV file says this size, and players read to its end."""


class Content(Protocol):
    size: int
    """Bytes."""

    def read(self, start: int, end: int) -> Iterator[bytes]:
        """The bytes from `start` to before `end`, in pieces of at most `BLOCK_BYTES`."""

    def close(self) -> None: ...


class BytesContent:
    """Bytes in memory."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)

    def read(self, start: int, end: int) -> Iterator[bytes]:
        for at in range(start, end, BLOCK_BYTES):
            yield self._data[at : min(at + BLOCK_BYTES, end)]

    def close(self) -> None: ...


class FileContent:
    """A file as it is."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = file.seek(0, 2)

    def read(self, start: int, end: int) -> Iterator[bytes]:
        self._file.seek(start)
        for at in range(start, end, BLOCK_BYTES):
            yield self._file.read(min(BLOCK_BYTES, end - at))

    def close(self) -> None:
        self._file.close()


class WavContent:
    """A stored recording as a WAV file, 16 kHz mono 16-bit: each part is decoded when it is read, in about 1 ms.

    Channels that are kept apart are averaged.
    """

    def __init__(self, file: BinaryIO) -> None:
        import soundfile

        self._file = file
        self._error = soundfile.LibsndfileError
        self._sound = soundfile.SoundFile(file)
        self._header = _header(self._sound.frames * SAMPLE_BYTES)
        self.size = HEADER_BYTES + self._sound.frames * SAMPLE_BYTES

    def read(self, start: int, end: int) -> Iterator[bytes]:
        if start < HEADER_BYTES:
            yield self._header[start:end]
        first, odd = divmod(max(0, start - HEADER_BYTES), SAMPLE_BYTES)
        at, last = HEADER_BYTES + first * SAMPLE_BYTES, end
        if at >= last:
            return
        with suppress(self._error):
            self._sound.seek(first)
        while at < last:
            length = min(BLOCK_BYTES // SAMPLE_BYTES, -(-(last - at) // SAMPLE_BYTES))
            samples = np.zeros((length, self._sound.channels), np.int16)
            with suppress(self._error):  # a damaged file ends before its header says: silence
                self._sound.read(out=samples)
            yield samples.mean(axis=1).astype("<i2").tobytes()[odd : last - at]
            at, odd = at + len(samples) * SAMPLE_BYTES, 0

    def close(self) -> None:
        self._sound.close()
        self._file.close()


def _header(data_bytes: int) -> bytes:
    """Of PCM: http://soundfile.sapp.org/doc/WaveFormat/."""
    data_bytes = min(data_bytes, MAX_RIFF_BYTES - HEADER_BYTES)
    riff = struct.pack("<4sI4s", b"RIFF", HEADER_BYTES - 8 + data_bytes, b"WAVE")
    bytes_per_s = SAMPLE_RATE * SAMPLE_BYTES
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, SAMPLE_RATE, bytes_per_s, SAMPLE_BYTES, 8 * SAMPLE_BYTES)
    return riff + form + struct.pack("<4sI", b"data", data_bytes)
