"""Turn spans of speech into stored segments, in order."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from pipeline.concurrency import is_cancelling
from pipeline.decoding import Decoding
from pipeline.faults import Fault
from pipeline.live.endpointing import SpeechSpan
from pipeline.live.language import LanguageTracker
from pipeline.live.live_segment import ProcessedSegment, SegmentOptions, process_segment
from pipeline.stages import Stages
from pipeline.transcript.notes import untranscribed
from pipeline.types import Note, Span
from services.errors import failure_reason
from services.live import server_messages
from services.live.background import BackgroundTasks
from services.live.recorder import Recorder
from services.live.segment_store import SegmentStore
from services.live.server_messages import Emit

logger = logging.getLogger("ray.serve")

MAX_SPANS_IN_STAGES = 3
"""Spans of one stream that the stages process at a time; the others wait on disk."""


class SegmentProcessor:
    """Passes the recorder's spans through the stages, stores the segments and emits them.

    A span that fails is counted, reported and noted on the conversation; the others are not affected.

    Args:
        on_span: Called when the processing of a span begins.
        words: Emit the words of each segment.
    """

    def __init__(
        self,
        recorder: Recorder,
        store: SegmentStore,
        stages: Stages[Any],
        language: LanguageTracker,
        decoding: Decoding,
        tasks: BackgroundTasks,
        emit: Emit,
        on_span: Callable[[SpeechSpan], None],
        timeout_s: float,
        *,
        words: bool = True,
    ) -> None:
        self.segments = 0
        """Segments that were stored."""
        self.errors = 0
        """Spans that failed."""
        self.failure: str | None = None
        """Why the first of them did."""
        self.notes: list[Note] = []
        """On spans that failed, where they could not be stored because the database was away."""
        self._recorder = recorder
        self._store = store
        self._stages = stages
        self._language = language
        self._decoding = decoding
        self._emit = emit
        self._on_span = on_span
        self._timeout_s = timeout_s
        self._words = words
        self._processed: asyncio.Queue[tuple[SpeechSpan, asyncio.Task[ProcessedSegment]] | None]
        self._processed = asyncio.Queue(MAX_SPANS_IN_STAGES - 1)
        self._in_stages: set[asyncio.Task[ProcessedSegment]] = set()
        self._loops = [tasks.spawn(self._process_spans()), tasks.spawn(self._store_segments())]

    async def drain(self) -> None:
        """Wait until the recorder's last span is stored."""
        await asyncio.gather(*self._loops)

    def cancel(self) -> None:
        for task in [*self._loops, *self._in_stages]:
            task.cancel()

    async def _process_spans(self) -> None:
        while (span := await self._recorder.spans.get()) is not None:
            self._on_span(span)
            task = asyncio.create_task(self._process(span))
            self._in_stages.add(task)
            task.add_done_callback(self._in_stages.discard)
            await self._processed.put((span, task))
            # The language of the next span must not depend on how fast this one is processed.
            if self._decoding.enabled and self._language.expected is None:
                await asyncio.wait([task])
        await self._processed.put(None)

    async def _process(self, span: SpeechSpan) -> ProcessedSegment:
        audio = await self._recorder.load(span)
        voice = (await self._store.policy()).voice
        decoding = self._language.expecting(self._decoding)
        options = SegmentOptions(self._language.given, voice.filter_hallucinations, voice.speaker_threshold, decoding)
        async with asyncio.timeout(self._timeout_s):
            processed = await process_segment(audio, span.duration, self._stages, options)
        if processed.language is not None:
            self._language.add(processed.language, span.end - span.start)
        return processed

    async def _store_segments(self) -> None:
        while (item := await self._processed.get()) is not None:
            span, task = item
            try:
                processed = await task
                stored = await self._store.add(processed.shifted(span.start_offset))
            except (Exception, asyncio.CancelledError) as error:
                # Where only a stage was stopped, the other spans must not wait for a loop that has ended.
                if isinstance(error, asyncio.CancelledError) and is_cancelling():
                    raise
                logger.exception("A segment of conversation %d failed", self._store.conversation_id)
                await self._report(span, failure_reason(error))
                continue
            for segment in stored:
                self.segments += 1
                self._emit(server_messages.segment(segment, words=self._words))

    async def _report(self, span: SpeechSpan, reason: str) -> None:
        self.errors += 1
        self.failure = self.failure or reason
        self._emit(server_messages.error(f"Segment processing error: {reason}"))
        note = untranscribed(Span(span.start_offset, span.end_offset), Fault(reason))
        try:
            await self._store.add_notes([note])
        except Exception:
            logger.exception("A note on conversation %d waits for its end", self._store.conversation_id)
            self.notes.append(note)
