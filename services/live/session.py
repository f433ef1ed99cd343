"""One live conversation while it is recorded."""

import asyncio
from collections.abc import Callable
from typing import Any

from pipeline.live.endpointing import SpeechSpan
from pipeline.live.language import LanguageTracker
from pipeline.stages import Stages
from pipeline.types import Note
from services.live import server_messages
from services.live.background import BackgroundTasks
from services.live.client_messages import StartMessage
from services.live.partial_transcriber import PartialTranscriber
from services.live.recorder import Recorder
from services.live.segment_processor import SegmentProcessor
from services.live.segment_store import SegmentStore
from services.live.server_messages import Emit, StatusMessage

SUPERSEDED = "Another connection goes on with this conversation."
ERASED = "The conversation was erased."


class LiveSession:
    """Belongs to the connection that feeds it, and continues without that until it is finished or paused.

    Args:
        on_close: Called when the session is closed and its file is free.
    """

    def __init__(
        self,
        store: SegmentStore,
        recorder: Recorder,
        options: StartMessage,
        stages: Stages[Any],
        language: LanguageTracker,
        tasks: BackgroundTasks,
        emit: Emit,
        on_close: Callable[["LiveSession"], None],
        timeout_s: float,
    ) -> None:
        self.conversation_id = store.conversation_id
        self.recorder = recorder
        self.options = options
        self.language = language
        self.emit = emit
        self.superseded = asyncio.Event()
        """Set when the connection must end, for `end_reason`."""
        self.end_reason = SUPERSEDED
        self.is_finishing = False
        self.is_erased = False
        """The conversation does not exist any more."""
        self.resumed_at = recorder.duration
        """Seconds of audio that were recorded before this connection."""
        self._on_close = on_close
        self._store = store
        self._frames = 0
        self._partials: PartialTranscriber | None = None
        if options.partials and options.enable_transcription:
            self._partials = PartialTranscriber(recorder, stages.transcriber, language, options.decoding, tasks, emit)
        self._processor = SegmentProcessor(
            recorder,
            store,
            stages,
            language,
            options.decoding,
            tasks,
            emit,
            self._span_started,
            timeout_s,
            words=options.word_timestamps,
        )

    @property
    def errors(self) -> int:
        """Spans of speech that could not be processed."""
        return self._processor.errors

    @property
    def failure(self) -> str | None:
        """Why the first of them could not be processed."""
        return self._processor.failure

    @property
    def notes(self) -> list[Note]:
        """On this connection, those that are not stored yet. Complete after `drain`."""
        return [*self.recorder.notes, *self._processor.notes]

    async def feed(self, data: bytes) -> StatusMessage:
        """Add a frame of audio. Raises as `Recorder.write` does."""
        self._frames += 1
        speaking = await self.recorder.write(data)
        if self._partials is not None:
            self._partials.update()
        return server_messages.status(
            speaking=speaking,
            level=self.recorder.level,
            frames=self._frames,
            segments=self._processor.segments,
            seconds=self.recorder.duration,
        )

    async def drain(self) -> None:
        """End the audio and wait until all of it is processed and stored."""
        if self._partials is not None:
            self._partials.cancel()
        await self.recorder.end()
        await self._processor.drain()

    async def pause(self) -> None:
        """Process all audio so far and release the file, so that the conversation can be resumed."""
        try:
            await self.drain()
            await self._store.add_notes(self.notes)
        finally:
            await self.close()

    async def erase(self) -> None:
        """The conversation was erased: end the connection, and delete the recording."""
        self.is_erased = True
        self.end_reason = ERASED
        self.superseded.set()
        await self.close()
        await self.recorder.delete()

    async def close(self) -> None:
        """Cancel all work and release the file."""
        self._processor.cancel()
        if self._partials is not None:
            self._partials.cancel()
        try:
            await self.recorder.close()
        finally:
            self._on_close(self)

    def _span_started(self, span: SpeechSpan) -> None:
        self._frames = 0
        if self._partials is not None:
            self._partials.span_ended(span)
