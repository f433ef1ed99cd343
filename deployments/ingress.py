"""The ingress: FastAPI on a CPU replica. On one machine it works on recordings, too; a cluster has `deployments.worker`.

The application is imported on the replica alone: it takes longer than all else that the program imports to start the graph.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import ray
from fastapi import FastAPI
from ray import serve

from deployments import correlation, handles, replica_process
from deployments.job_metrics import JobMetrics
from deployments.readiness import Readiness
from deployments.stage_status import StageStatus
from services.access import admin_key
from services.runtime import Runtime
from settings import Settings
from storage import private_files
from storage.postgres.database import migrate


@serve.ingress()
class Ingress:
    def __init__(
        self,
        settings: Settings,
        transcriber: handles.Handle,
        diarizer: handles.Handle,
        embedder: handles.Handle,
        emotion: handles.Handle,
        text: handles.Handle,
        database: handles.Handle | None,
        worker: handles.Handle | None,
    ) -> None:
        """`database`: the embedded one, without DATABASE_URL. `worker`: the deployment that works on recordings; without it the
        ingress does."""
        os.umask(0o077)
        replica_process.prepare()
        self.settings = settings
        self.stages = {
            "transcriber": transcriber,
            "diarizer": diarizer,
            "embedder": embedder,
            "emotion": emotion,
            "text": text,
        }
        self.embedded_database = database
        self.works = worker is None

    async def drain(self) -> None:
        """Called before the program stops: its jobs are queued again for the next start."""
        await self.context.drain()

    def __serve_build_asgi_app__(self) -> FastAPI:
        """Called by Serve on the replica: an app that holds connections cannot be pickled to it."""
        from api.app import create_app

        return create_app(self.settings, self._lifespan)

    @asynccontextmanager
    async def _lifespan(self, app: FastAPI) -> AsyncIterator[None]:
        from services.context import AppContext

        url = self.settings.database_url or await self.embedded_database.url.remote()  # type: ignore[union-attr]
        await migrate(url)
        await asyncio.to_thread(private_files.close_data, self.settings.data_path)
        runtime = Runtime(ray.put, correlation.request_id, correlation.detached, partial(handles.wake, self.stages))
        stages, urgent = handles.stages(self.stages), handles.stages(self.stages, urgent=True)
        status, check = StageStatus(self.stages), Readiness(self.stages)
        async with AppContext.create(
            self.settings, url, stages, status, check_stages=check, urgent_stages=urgent, runtime=runtime
        ) as context:
            # With an audio store that all nodes reach, no node has a data directory of its own.
            await admin_key.prepare(self.settings, context.database, own_directory=self.settings.audio_url is None)
            self.context = app.state.context = context
            async with context.working(jobs=self.works), JobMetrics(context.database):
                yield
