"""Write the audio of a live stream to disk and find the spans of speech in it."""

import asyncio
import logging
import threading
from collections.abc import Callable, Iterable
from typing import Any

from media import free_space
from media.decoder import Decoder, StreamError
from media.spool import Spool
from pipeline.live.endpointing import Endpointer, SpeechSpan
from pipeline.transcript.notes import shifted_note
from pipeline.types import SAMPLE_RATE, Note, Samples
from services.live.background import StreamThreads

logger = logging.getLogger("ray.serve")

CATCH_UP_SAMPLES = 60 * SAMPLE_RATE
"""Samples that are read at a time from a recording that is resumed."""


class LengthError(Exception):
    """The recording has reached its maximum length; the message is one sentence."""


class Recorder:
    """The audio of one live conversation.

    All blocking work runs in `threads`, one call at a time.

    Args:
        origin: The first sample that has not been searched for speech; the endpointer counts from there.
        share: Puts samples where the stages read them. Blocks.
    """

    def __init__(
        self,
        conversation_id: int,
        spool: Spool,
        decoder: Decoder,
        endpointer: Endpointer,
        origin: int,
        threads: StreamThreads,
        share: Callable[[Samples], Any],
        max_duration_hours: float,
    ) -> None:
        self.spool = spool
        self.spans: asyncio.Queue[SpeechSpan | None] = asyncio.Queue()
        """Spans of speech that have ended, in order; None after the last one."""
        self._conversation_id = conversation_id
        self._decoder = decoder
        self._endpointer = endpointer
        self._origin = origin
        self._threads = threads
        self._share = share
        self.cut_off: str | None = None
        """Why the recording ended before its client ended it, or lacks its last audio; a sentence."""
        self._connected_at = self.duration
        self._max_samples = round(max_duration_hours * 3600 * SAMPLE_RATE)
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        """A call in a thread goes on when its caller is cancelled, so the next call must wait for it."""
        self._ended = False

    @property
    def level(self) -> float:
        """Root mean square of the most recent audio."""
        return self._decoder.level

    @property
    def duration(self) -> float:
        """Seconds of audio on disk."""
        return self.spool.length / SAMPLE_RATE

    @property
    def notes(self) -> list[Note]:
        """On the sound of this connection. Complete after `end`."""
        return [shifted_note(note, self._connected_at) for note in self._decoder.notes]

    @property
    def current_span(self) -> SpeechSpan | None:
        """The span of speech that has begun and has not ended."""
        return self._endpointer.current

    async def write(self, data: bytes) -> bool:
        """Add encoded audio; returns whether its last frame is speech.

        Raises StreamError if the stream cannot continue, LengthError, OSError or DiskFullError if the disk is full.
        """
        return await self._threads.run(self._write, data)

    async def catch_up(self) -> None:
        """Find the spans of speech in what is on disk already, before the first `write`."""
        for start in range(self._origin, self.spool.length, CATCH_UP_SAMPLES):
            await self._threads.run(self._scan, start, start + CATCH_UP_SAMPLES)

    async def end(self) -> None:
        """Write what the decoder still holds, and end the current span and `spans`."""
        try:
            await self._threads.run(self._end)
        except StreamError:
            logger.info("The stream of conversation %d ended with damaged data", self._conversation_id)
        except (LengthError, OSError) as error:
            logger.warning("The end of conversation %d could not be recorded: %s", self._conversation_id, error)
        self.spans.put_nowait(None)

    async def close(self) -> None:
        """Release the file, wherever the stream stands."""
        await self._threads.run(self._close)

    async def delete(self) -> None:
        """Delete the recording from the disk."""
        await self._threads.run(self.spool.path.unlink, True)

    async def load(self, span: SpeechSpan) -> Any:
        """The samples of a span, in the form that the stages take."""
        samples = await self._threads.run(self.spool.read, span.start, span.end)
        return await self._threads.run(self._share, samples)

    def _write(self, data: bytes) -> bool:
        with self._lock:
            if not self._ended and self.cut_off is None:
                self._append(self._decoder.feed(data))
            return self._endpointer.active

    def _scan(self, start: int, end: int) -> None:
        with self._lock:
            self._publish(self._endpointer.feed(self.spool.read(start, end)))

    def _end(self) -> None:
        with self._lock:
            self._ended = True
            try:
                if self.cut_off is None:
                    self._append(self._decoder.finish())
            finally:
                self._publish(self._endpointer.finish())

    def _close(self) -> None:
        with self._lock:
            self._ended = True
            self._decoder.close()
            self.spool.close()

    def _append(self, decoded: Iterable[Samples]) -> None:
        try:
            for samples in decoded:
                self._append_one(samples)
        except StreamError as error:
            if self.spool.length:
                self.cut_off = f"What follows could not be decoded. {error}"
            raise
        except OSError as error:
            self.cut_off = f"The recording could not be written. {error.strerror}"
            raise

    def _append_one(self, samples: Samples) -> None:
        """Raises OSError, and LengthError once the recording is as long as it may be."""
        free_space.require(self.spool.path.parent)
        fitting = samples[: self._max_samples - self.spool.length]
        self.spool.append(fitting)
        self._publish(self._endpointer.feed(fitting))
        if len(fitting) < len(samples):
            hours = self._max_samples / SAMPLE_RATE / 3600
            self.cut_off = f"The recording is longer than {hours:.3g} hours, of which all are kept: start a new one."
            raise LengthError(self.cut_off)

    def _publish(self, spans: Iterable[SpeechSpan]) -> None:
        for span in spans:
            self._loop.call_soon_threadsafe(self.spans.put_nowait, span)
