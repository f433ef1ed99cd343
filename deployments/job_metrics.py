"""Prometheus metrics of the job queue, exported by every replica that queues, works on or ends jobs.

The gauges are read from the database, which all replicas share: each of them exports the same numbers, so take `max`. The
counters count what happened in one process: take `sum`.
"""

import asyncio
import logging
from collections import Counter
from contextlib import suppress
from typing import Self

from ray.serve import metrics

from deployments.metrics import export_zero
from services.worker import LONG_RECORDING_S
from storage.jobs import counts
from storage.jobs.jobs import MAX_ATTEMPTS
from storage.jobs.open_work import read_open_work
from storage.postgres.database import FAILURES, Database

QUEUED = "vivavoce_jobs_queued"
RUNNING = "vivavoce_jobs_running"
OPEN_AUDIO = "vivavoce_jobs_open_audio_seconds"
OLDEST = "vivavoce_oldest_job_seconds"
JOBS = "vivavoce_jobs_total"
ATTEMPTS = "vivavoce_job_attempts_total"

STATES = ("queued", "completed", "failed", "cancelled")
"""The states that jobs enter once."""
INTERVAL_S = 5.0
"""Between two reads of the queue. Ray exports every ten seconds."""

logger = logging.getLogger("ray.serve")


class JobMetrics:
    """An asynchronous context manager: exports the metrics until the block ends."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._queued = metrics.Gauge(QUEUED, "Jobs that wait for a worker.")
        self._running = metrics.Gauge(RUNNING, "Jobs that a worker has claimed.")
        self._open_audio = metrics.Gauge(OPEN_AUDIO, "Seconds of audio that are accepted and not processed.")
        self._oldest = metrics.Gauge(OLDEST, "Seconds since the oldest job that waits for a worker was accepted.")
        self._jobs = metrics.Counter(JOBS, "Jobs that were accepted (queued), and that ended, by state.", ("state",))
        self._attempts = metrics.Counter(ATTEMPTS, "Attempts at jobs that began, by number.", ("attempt",))
        for state in STATES:
            export_zero(self._jobs, {"state": state})
        for attempt in range(1, MAX_ATTEMPTS + 1):
            export_zero(self._attempts, {"attempt": str(attempt)})
        self._entered: Counter[str] = Counter()
        self._claimed: Counter[int] = Counter()
        """What was exported of `counts`."""

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._export_forever())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _export_forever(self) -> None:
        while True:
            self._export_counts()
            try:
                await self._export_queue()
            except FAILURES as error:  # the gauges keep their values until the database is back
                logger.warning("The job queue cannot be measured: %s", error)
            await asyncio.sleep(INTERVAL_S)

    def _export_counts(self) -> None:
        for state, number in (counts.ENTERED - self._entered).items():
            self._jobs.inc(number, {"state": state})
        for attempt, number in (counts.CLAIMED - self._claimed).items():
            self._attempts.inc(number, {"attempt": str(attempt)})
        self._entered, self._claimed = counts.ENTERED.copy(), counts.CLAIMED.copy()

    async def _export_queue(self) -> None:
        async with self._database.session() as session:
            work = await read_open_work(session, LONG_RECORDING_S)
        self._queued.set(work.queued)
        self._running.set(work.jobs - work.queued)
        self._open_audio.set(work.audio_s)
        self._oldest.set(work.oldest_s)
