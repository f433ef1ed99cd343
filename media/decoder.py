"""What decoders of live streams have in common."""

from collections.abc import Iterator
from typing import Protocol

from pipeline.types import Samples


class StreamError(ValueError):
    """What the client sends cannot be used any further; the message is one sentence that says why."""


class Decoder(Protocol):
    """The bytes of one connection, in order, as samples. All methods block, and are called by one thread at a time."""

    level: float
    """Root mean square of the sound that came last."""

    def feed(self, data: bytes) -> Iterator[Samples]:
        """What can be told of the stream with `data`. Raises StreamError."""

    def finish(self) -> Iterator[Samples]:
        """The rest, after the last bytes. Raises StreamError."""

    def close(self) -> None:
        """Let go of everything, wherever the stream stands."""
