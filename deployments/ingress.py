"""The ingress: FastAPI on a CPU replica, which composes the stages and stores their results.

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

from deployments import correlation, handles
from deployments.logs import redact_logs
from deployments.loopback import bind_replica
from deployments.stage_status import StageStatus
from media import malloc
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
        database: handles.Handle | None,
    ) -> None:
        os.umask(0o077)
        bind_replica()
        redact_logs()
        malloc.bound_arenas()
        self.settings = settings
        self.stages = {"transcriber": transcriber, "diarizer": diarizer, "embedder": embedder, "emotion": emotion}
        self.embedded_database = database

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
        status = StageStatus(self.stages)
        async with AppContext.create(self.settings, url, stages, status, urgent_stages=urgent, runtime=runtime) as context:
            # With an audio store that all nodes reach, no node has a data directory of its own.
            await admin_key.prepare(self.settings, context.database, own_directory=self.settings.audio_url is None)
            self.context = app.state.context = context
            async with context.working():
                yield
