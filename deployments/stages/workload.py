"""How much audio waits for a replica's model, and how fast the model is: what the scaling policy reads."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from deployments.scaling.reports import BUSY, HEARD_AUDIO, WAITING_AUDIO


class Workload:
    """Belongs to one event loop."""

    def __init__(self) -> None:
        self._waiting_s = 0.0
        self._heard_s = 0.0
        self._busy_s = 0.0

    @asynccontextmanager
    async def waiting(self, turn: AbstractAsyncContextManager[None], audio_s: float) -> AsyncIterator[None]:
        """`turn`, for a call with so much audio, which waits until the turn begins."""
        self._waiting_s += audio_s
        try:
            async with turn:
                self._waiting_s -= audio_s
                audio_s = 0.0
                yield
        finally:
            self._waiting_s -= audio_s

    def done(self, audio_s: float, inference_s: float) -> None:
        """The model was busy for `inference_s` with a call, of which the audio is `audio_s`."""
        self._heard_s += audio_s
        self._busy_s += inference_s

    def stats(self) -> dict[str, float]:
        return {WAITING_AUDIO: max(0.0, self._waiting_s), HEARD_AUDIO: self._heard_s, BUSY: self._busy_s}
