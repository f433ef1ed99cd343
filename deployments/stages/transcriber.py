"""Whisper on a replica: windows of any recordings, filled into batches."""

from typing import Any

import numpy as np
from ray import serve

from deployments.metrics import Call
from deployments.stages.fair_scheduler import FairScheduler
from deployments.stages.replica import Replica, StageError, owner
from pipeline.types import SAMPLE_RATE, Samples, Span, Utterance
from settings import Settings

BATCH = 2
"""Windows in a forward pass on a CPU: a quarter faster than one by one; more of them only take memory."""
BATCH_ON_GPU = 16
"""Windows in a forward pass on a GPU: large-v3 then takes 4 GB, and up to 11 where all of them are full of words."""


class Transcriber(Replica):
    def __init__(self, settings: Settings) -> None:
        from engines.whisper import Whisper, Window

        super().__init__("whisper", settings)
        self.engine = Whisper(self.weights.path, device=self.device, threads=settings.cpu_threads)
        self.engine.transcribe([Window(np.zeros(SAMPLE_RATE, np.float32), Span(0.0, 1.0), "en")])  # warm up
        self.fill(BATCH_ON_GPU if self.device == "cuda" else BATCH)

    def fill(self, batch: int) -> None:
        """Transcribe so many windows at a time."""
        batcher: Any = self._batched
        batcher.set_max_batch_size(batch)
        self._admitted = FairScheduler(batch)

    async def find_speech(self, audio: Samples) -> list[Span]:
        from engines.vad import find_speech

        seconds = len(audio) / SAMPLE_RATE
        call = Call("find_speech", f"Finding speech in {seconds:.0f} s", seconds, recording_key=owner(audio))
        return await self.run_on_cpu(call, find_speech, audio)

    async def transcribe(self, audio: Samples, window: Span, language: str | None, urgent: bool = False) -> list[Utterance]:
        from engines.whisper import Window

        heard = Window(audio, window, language)
        if urgent:
            result = await self._alone(heard, urgent=True)
        else:
            async with self._admitted.take(recording_key=owner(audio)):
                result = await self._batched(heard)
        if isinstance(result, StageError):
            raise result
        return result

    @serve.batch(max_batch_size=BATCH, batch_wait_timeout_s=0.02)
    async def _batched(self, windows: list[Any]) -> list[list[Utterance] | StageError]:
        """A batch that fails is tried again window by window, so that a bad one fails nobody else's.

        Serve makes the next batch of whatever comes within a moment, also while this one is at work for seconds. So nothing
        comes then: batches would stay as small as they happened to be at first, however much waits.
        """
        with self._admitted.closed():
            return await self._together(windows)

    async def _together(self, windows: list[Any]) -> list[list[Utterance] | StageError]:
        seconds = sum(window.span.duration for window in windows)
        call = Call("transcribe", f"Transcribing {len(windows)} windows", seconds)
        try:
            return list(await self.run(call, self.engine.transcribe, windows))
        except StageError as error:
            if len(windows) == 1:
                return [error]
        return [await self._alone(window) for window in windows]

    async def _alone(self, window: Any, *, urgent: bool = False) -> list[Utterance] | StageError:
        span: Span = window.span
        call = Call("transcribe", f"Transcribing {span.start:.1f} to {span.end:.1f} s", span.duration, urgent)
        try:
            return (await self.run(call, self.engine.transcribe, [window]))[0]
        except StageError as error:
            return error
