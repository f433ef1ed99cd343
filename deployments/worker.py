"""Work on recordings in a cluster: a deployment of its own, so that it grows with the queue, and the ingress with HTTP calls.

On one machine the ingress works on recordings in its own process: a second process would take 250 MB of memory and delay the
start, and there is no second machine for it.
"""

import asyncio
import logging
import os
from contextlib import AsyncExitStack
from functools import partial

import ray

from deployments import correlation, handles, replica_process
from deployments.job_metrics import JobMetrics
from deployments.scaling.reports import OLDEST_JOB, OPEN_AUDIO, WORKERS
from deployments.stage_status import StageStatus
from services.runtime import Runtime
from settings import Settings
from storage.postgres.database import is_away, migrate

RECORDINGS_AT_ONCE = 32
"""Recordings of each worker, where RECORDINGS_AT_ONCE is not set. A recording of half a minute is one window: a batch on a GPU
takes 16, and as many recordings are in other stages."""
POOL_SIZE = 3
"""Connections to PostgreSQL of each worker, with as many more for a moment: by default it accepts 100 of all processes."""

logger = logging.getLogger("ray.serve")


class Worker:
    async def __init__(  # type: ignore[misc]  # Serve awaits it
        self,
        settings: Settings,
        transcriber: handles.Handle,
        diarizer: handles.Handle,
        embedder: handles.Handle,
        emotion: handles.Handle,
        text: handles.Handle,
    ) -> None:
        from services.context import AppContext

        os.umask(0o077)
        replica_process.prepare()
        stages = {"transcriber": transcriber, "diarizer": diarizer, "embedder": embedder, "emotion": emotion, "text": text}
        url = settings.database_url
        assert url, "A cluster has a database that all nodes reach."
        await migrate(url)
        settings = settings.model_copy(update={"recordings_at_once": settings.recordings_at_once or RECORDINGS_AT_ONCE})
        runtime = Runtime(ray.put, correlation.request_id, correlation.detached, partial(handles.wake, stages))
        self._until_stopped = AsyncExitStack()
        context = await self._until_stopped.enter_async_context(
            AppContext.create(
                settings,
                url,
                handles.stages(stages),
                StageStatus(stages),
                runtime=runtime,
                pool_size=POOL_SIZE,
            )
        )
        await self._until_stopped.enter_async_context(JobMetrics(context.database))
        self._worker = context.worker
        self._worker.start()
        self._until_stopped.push_async_callback(self._worker.close)
        context.indexer.start()
        self._until_stopped.push_async_callback(context.indexer.close)

    async def record_autoscaling_stats(self) -> dict[str, float]:
        """Called by Serve; the scaling policy reads it."""
        try:
            work = await self._worker.open_work()
        except Exception as error:
            if not is_away(error):
                raise
            return {}
        return {WORKERS: self._worker.workers_for(work), OPEN_AUDIO: work.audio_s, OLDEST_JOB: work.oldest_s}

    async def check_health(self) -> None:
        if self._worker.stopped:
            raise RuntimeError("The worker claims no jobs any more.")

    async def __del__(self) -> None:
        """Called by Serve when it stops this replica: unfinished jobs go to other workers."""
        await asyncio.shield(self._until_stopped.aclose())
