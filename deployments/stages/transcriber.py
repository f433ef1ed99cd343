"""The transcriber's deployment: batches of windows of any recordings."""

import asyncio
from typing import TYPE_CHECKING, Any

import numpy as np
from ray import serve

from deployments.metrics import Call
from deployments.stages.fair_scheduler import FairScheduler
from deployments.stages.replica import Replica, recording_key
from engines.weights.resolver import resolve_other
from pipeline.decoding import Decoding
from pipeline.faults import DeviceError, StageError, recurs
from pipeline.types import SAMPLE_RATE, Samples, Span, Utterance
from settings import Settings

if TYPE_CHECKING:
    from engines.whisper.transcription import Whisper

CPU_BATCH_SIZE = 2
"""Windows in a forward pass on a CPU: a quarter faster than single windows; a larger batch only needs more memory."""
GPU_BATCH_SIZE = 16
"""Windows in a forward pass on a GPU: large-v3 then takes 4 GB, and up to 11 GB where all windows are full of words."""
MAX_OTHER_MODELS = 2
"""Models in memory beside the default one; then the one that was used longest ago is unloaded. On a GPU large-v3 takes 3 GB."""
BATCH_WAIT_S = 0.02
"""How long a batch that is not full waits for more windows."""


class Transcriber(Replica):
    CALLS = ("find_speech", "detect_language", "transcribe", "hotwords_read")

    def __init__(self, settings: Settings) -> None:
        from engines.whisper.transcription import Whisper, Window

        super().__init__("whisper", settings)
        self.engine = Whisper(self.weights.path, device=self.device, threads=settings.cpu_threads)
        self.engine.transcribe([Window(np.zeros(SAMPLE_RATE, np.float32), Span(0.0, 1.0), "en")])  # warm up
        self.set_batch_size(GPU_BATCH_SIZE if self.device == "cuda" else CPU_BATCH_SIZE)
        self.log_loaded()

    def set_batch_size(self, size: int) -> None:
        """Transcribe up to `size` windows in a forward pass."""
        batcher: Any = self._batched
        batcher.set_max_batch_size(size)
        self._admission = FairScheduler(size)

    async def find_speech(self, audio: Samples, urgent: bool = False) -> list[Span]:
        from engines.vad import find_speech

        seconds = len(audio) / SAMPLE_RATE
        call = Call("find_speech", f"Finding speech in {seconds:.0f} s", seconds, urgent, recording_key(audio))
        return await self.run_on_cpu(call, find_speech, audio)

    async def detect_language(self, audio: Samples, window: Span, urgent: bool = False) -> str:
        from engines.whisper.transcription import Window

        model, engine = await self._requested()
        what = f"Detecting the language of {window.start:.1f} to {window.end:.1f} s"
        call = Call("detect_language", what, window.duration, urgent, recording_key(audio), model)
        return await self.run(call, engine.detect_language, Window(audio, window, None))

    async def transcribe(
        self, audio: Samples, window: Span, language: str | None, decoding: Decoding, urgent: bool = False
    ) -> list[Utterance]:
        from engines.whisper.transcription import Window

        request = Window(audio, window, language, decoding)
        if urgent:
            result = await self._alone(request, urgent=True)
        else:
            turn = self._admission.take(recording_key=recording_key(audio))
            async with self.workload.waiting(turn, window.duration):
                result = await self._batched(request)
        if isinstance(result, StageError):
            raise result
        return result

    async def hotwords_read(self, decoding: Decoding) -> list[str]:
        model, engine = await self._requested()
        call = Call("hotwords_read", "Choosing hot words", model=model)
        return await self.run_beside(call, engine.hotwords_read, decoding)

    @serve.batch(max_batch_size=CPU_BATCH_SIZE, batch_wait_timeout_s=BATCH_WAIT_S)
    async def _batched(self, windows: list[Any]) -> list[list[Utterance] | StageError]:
        """Transcribe a batch.

        Serve forms the next batch from the requests of a short interval, also while this batch runs for seconds. So no request
        is admitted until it ends: otherwise batches would stay small, however many requests wait.
        """
        with self._admission.closed():
            return await self._transcribe(windows)

    @serve.multiplexed(max_num_models_per_replica=MAX_OTHER_MODELS)  # type: ignore[untyped-decorator]
    async def _other(self, name: str) -> "Whisper":
        """The model of that name, of WHISPER_MODELS."""
        return await asyncio.to_thread(self._load, name)

    def _load(self, name: str) -> "Whisper":
        from engines.whisper.transcription import Whisper

        path = resolve_other(name, self.settings).path
        return Whisper(path, device=self.device, threads=self.settings.cpu_threads)

    async def _requested(self) -> "tuple[str, Whisper]":
        """The model of the request or batch, and its name. Serve forms a batch of requests for one model. Raises StageError."""
        name = serve.get_multiplexed_model_id()
        if not name:
            return self.weights.name, self.engine
        try:
            # A caller that is cancelled does not stop the loading: Serve would load the model again beside it.
            return name, await asyncio.shield(self._other(name))
        except Exception as error:
            kind = StageError if recurs(error) else DeviceError
            raise kind(f"{name} cannot be loaded on {self.device}: {error}") from error

    async def _transcribe(self, windows: list[Any]) -> list[list[Utterance] | StageError]:
        """The utterances of each window. A batch that fails is repeated window by window, so that only the faulty one fails."""
        seconds = sum(window.span.duration for window in windows)
        try:
            model, engine = await self._requested()
        except StageError as error:
            return [error] * len(windows)
        call = Call("transcribe", f"Transcribing {len(windows)} windows", seconds, model=model)
        try:
            return list(await self.run(call, engine.transcribe, windows))
        except StageError as error:
            if len(windows) == 1:
                return [error]
        return [await self._alone(window) for window in windows]

    async def _alone(self, window: Any, *, urgent: bool = False) -> list[Utterance] | StageError:
        span: Span = window.span
        what = f"Transcribing {span.start:.1f} to {span.end:.1f} s"
        try:
            model, engine = await self._requested()
            call = Call("transcribe", what, span.duration, urgent, model=model)
            return (await self.run(call, engine.transcribe, [window]))[0]
        except StageError as error:
            return error
