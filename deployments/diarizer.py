"""pyannote.audio's diarization on a replica: one recording at a time, with its progress."""

import asyncio
from collections.abc import AsyncIterator

import numpy as np

from deployments.replica import Replica
from pipeline.types import SAMPLE_RATE, Diarization, Samples, SpeakerHint
from settings import Settings


class _Cancelled(Exception):
    pass


class Diarizer(Replica):
    def __init__(self, settings: Settings) -> None:
        from engines.diarization import PyannoteDiarization

        super().__init__("diarization", settings)
        self.engine = PyannoteDiarization(self.weights.path, device=self.device, threads=settings.cpu_threads)
        self.engine.diarize(np.zeros(SAMPLE_RATE, np.float32))  # warm up

    async def diarize(self, audio: Samples, hint: SpeakerHint) -> AsyncIterator[float | Diarization]:
        """Fractions of the work that is done, then its result."""
        loop = asyncio.get_running_loop()
        reports: asyncio.Queue[float | None] = asyncio.Queue()
        cancelled = False

        def progress(fraction: float) -> None:
            if cancelled:
                raise _Cancelled
            loop.call_soon_threadsafe(reports.put_nowait, fraction)

        def diarize() -> Diarization | None:
            try:
                return self.engine.diarize(audio, hint, progress)
            except _Cancelled:  # nobody waits for the answer, and nothing is wrong with this replica
                return None

        what = f"Diarizing {len(audio) / SAMPLE_RATE:.0f} s"
        work = asyncio.ensure_future(self.run(what, diarize))
        work.add_done_callback(lambda _work: reports.put_nowait(None))
        try:
            while (fraction := await reports.get()) is not None:
                yield fraction
            if found := await work:
                yield found
        finally:
            cancelled = True  # the thread finds out at its next report
