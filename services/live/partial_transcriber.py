"""Transcribe speech that has not ended yet."""

import asyncio
from typing import Any

from pipeline.decoding import Decoding
from pipeline.live.endpointing import SpeechSpan
from pipeline.live.language import LanguageTracker
from pipeline.live.partials import PARTIAL_INTERVAL_S, LocalAgreement
from pipeline.stages import Transcriber
from pipeline.types import SAMPLE_RATE, Span
from services.live import server_messages
from services.live.background import BackgroundTasks
from services.live.recorder import Recorder
from services.live.server_messages import Emit


class PartialTranscriber:
    """Transcribes the recorder's current span again and again while it grows, one call at a time."""

    def __init__(
        self,
        recorder: Recorder,
        transcriber: Transcriber[Any],
        language: LanguageTracker,
        decoding: Decoding,
        tasks: BackgroundTasks,
        emit: Emit,
    ) -> None:
        self._recorder = recorder
        self._transcriber = transcriber
        self._language = language
        self._decoding = decoding
        self._tasks = tasks
        self._emit = emit
        self._task: asyncio.Task[None] | None = None
        self._span_start = -1
        self._agreement = LocalAgreement()
        self._transcribed_to = 0
        """The sample at which the last transcription of the current span ends."""

    def update(self) -> None:
        """Start a transcription if the current span has grown enough since the last one, and that has ended."""
        span = self._recorder.current_span
        if span is None or (self._task is not None and not self._task.done()):
            return
        if self._span_start != span.start:
            self._span_start, self._agreement, self._transcribed_to = span.start, LocalAgreement(), span.start
        if span.end - self._transcribed_to >= PARTIAL_INTERVAL_S * SAMPLE_RATE:
            self._transcribed_to = span.end
            self._task = self._tasks.spawn(self._transcribe(span, self._agreement))

    def span_ended(self, span: SpeechSpan) -> None:
        """Cancel the transcription of a span that is now transcribed as a whole, or of an earlier one."""
        if self._span_start <= span.start:
            self.cancel()

    def cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _transcribe(self, span: SpeechSpan, agreement: LocalAgreement) -> None:
        audio = await self._recorder.load(span)
        whole = Span(0.0, span.duration)
        decoding = self._language.expecting(self._decoding)
        utterances = await self._transcriber.transcribe(audio, whole, self._language.given, decoding)
        current = self._recorder.current_span
        if current is not None and current.start == span.start:
            partial = agreement.update([word.text for utterance in utterances for word in utterance.words])
            self._emit(server_messages.partial(partial, span))
