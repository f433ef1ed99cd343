"""The door: FastAPI on a CPU replica, which composes the stages and files what they find."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI
from ray import serve

from api.app import create_app
from deployments import handles
from deployments.stage_status import StageStatus
from media import malloc
from services.context import AppContext
from services.policy import current_policy
from services.recordings import Recordings
from services.webhooks import Webhooks
from services.worker import Worker
from settings import Settings
from storage.audio import AudioStore
from storage.jobs.notifications import Notifications
from storage.postgres.database import Database, migrate

logger = logging.getLogger("ray.serve")


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
        malloc.bound_arenas()
        self.settings = settings
        self.stages = {"transcriber": transcriber, "diarizer": diarizer, "embedder": embedder, "emotion": emotion}
        self.embedded_database = database

    async def drain(self) -> None:
        """The program stops: give work back, for its next start, and have nobody wait for it."""
        self.recordings.stopping.set()
        await self.worker.close()

    def __serve_build_asgi_app__(self) -> FastAPI:
        """Called by Serve on the replica: an app that holds connections cannot be pickled to it."""
        return create_app(self.settings, self._lifespan)

    @asynccontextmanager
    async def _lifespan(self, app: FastAPI) -> AsyncIterator[None]:
        url = self.settings.database_url or await self.embedded_database.url.remote()  # type: ignore[union-attr]
        await migrate(url)
        database = Database(url)
        store = AudioStore(self.settings.audio_url or str(self.settings.data_path / "audio"))
        async with Notifications(url, database) as notifications:
            stages, urgent = handles.stages(self.stages), handles.stages(self.stages, urgent=True)
            recordings = self.recordings = Recordings(self.settings, stages, database, store, notifications, urgent=urgent)
            services = AppContext(self.settings, database, store, recordings, notifications, StageStatus(self.stages))
            app.state.services = services
            worker = self.worker = Worker(
                recordings, notifications, partial(current_policy, services), partial(handles.wake, self.stages)
            )
            webhooks = Webhooks(self.settings, database)
            worker.start()
            webhooks.start()
            try:
                yield
            finally:
                await worker.close()
                await webhooks.close()
                await database.dispose()
