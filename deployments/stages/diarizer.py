"""The diarizer's deployment: one shard of a recording at a time, with its progress."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence

import numpy as np

from deployments.metrics import Call
from deployments.stages.replica import Replica, recording_key
from engines.weights.catalogue import embedding_of
from pipeline.types import SAMPLE_RATE, Diarization, Observation, Samples, Span, SpeakerHint
from settings import Settings


class _CancelledError(Exception):
    """Raised in the engine's progress callback to stop it."""


class Diarizer(Replica):
    CALLS = ("observe", "cluster")

    def __init__(self, settings: Settings) -> None:
        from engines.diarization import PyannoteDiarization

        super().__init__("diarization", settings)
        self.engine = PyannoteDiarization(
            self.weights.path,
            device=self.device,
            threads=settings.cpu_threads,
            embedding=embedding_of(self.weights.name),
        )
        self.engine.diarize(np.zeros(SAMPLE_RATE, np.float32))  # warm up
        self._clustering = threading.Lock()
        self.log_loaded()

    async def cluster(self, observations: Sequence[Observation], hint: SpeakerHint, urgent: bool = False) -> Diarization:
        windows = sum(len(found.active) for found in observations)
        call = Call("cluster", f"Clustering {windows} windows", urgent=urgent)
        if urgent:  # a tenth of a second for a sample, which would wait a second time for a shard of a recording
            return await self.run_beside(call, self._cluster, observations, hint)
        return await self.run_on_cpu(call, self._cluster, observations, hint)  # seconds without a GPU for hours of audio

    def _cluster(self, observations: Sequence[Observation], hint: SpeakerHint) -> Diarization:
        with self._clustering:  # pyannote's pipeline has state
            return self.engine.cluster(observations, hint)

    async def observe(self, audio: Samples, shard: Span, urgent: bool = False) -> AsyncIterator[float | Observation]:
        """Yield the fraction of the work that is done, then the result."""
        loop = asyncio.get_running_loop()
        reports: asyncio.Queue[float | None] = asyncio.Queue()
        cancelled = False

        def progress(fraction: float) -> None:
            if cancelled:
                raise _CancelledError
            loop.call_soon_threadsafe(reports.put_nowait, fraction)

        def observe() -> Observation | None:
            try:
                return self.engine.observe(audio, shard, progress)
            except _CancelledError:  # the caller has disconnected; this is no failure of the replica
                return None

        what = f"Diarizing {shard.duration:.0f} s from {shard.start:.0f} s on"
        call = Call("observe", what, shard.duration, urgent, recording_key(audio))
        work = asyncio.ensure_future(self.run(call, observe))
        work.add_done_callback(lambda _work: reports.put_nowait(None))
        try:
            while (fraction := await reports.get()) is not None:
                yield fraction
            if found := await work:
                yield found
        finally:
            cancelled = True  # the thread stops at its next progress report
