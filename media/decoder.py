"""What the decoders of live streams have in common."""

from collections.abc import Iterator
from typing import Literal, Protocol

from pipeline.types import Note, Samples

Encoding = Literal["float32", "int16", "webm"]
DEFAULT_SAMPLE_RATE_HZ = 48_000
"""What clients send that name no sample rate."""
MIN_SAMPLE_RATE_HZ, MAX_SAMPLE_RATE_HZ = 8_000, 192_000


class StreamError(ValueError):
    """The stream cannot be decoded any further; the message is one sentence that says why."""


class Decoder(Protocol):
    """Decodes the bytes of one connection, in order. All methods block; only one thread calls them at a time."""

    level: float
    """Root mean square of the most recent audio."""

    notes: list[Note]
    """What of its sound was changed or is missing; times from the first sample. Complete after `finish`."""

    def feed(self, data: bytes) -> Iterator[Samples]:
        """The samples that can be decoded once `data` has come. Raises StreamError."""

    def finish(self) -> Iterator[Samples]:
        """The remaining samples, after the last bytes. Raises StreamError."""

    def close(self) -> None:
        """Release all resources, wherever the stream stands."""
