"""The application as clients see it, without Ray: the real routes on a real database, with whatever stages a test gives it."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI

from api.app import create_app
from benchmarks.harness.ports import free_port
from pipeline.stages import Stages
from services.context import AppContext
from services.policy import current_policy
from services.recordings import Recordings
from services.webhooks import Webhooks
from services.worker import Worker
from settings import Settings
from storage.audio import AudioStore
from storage.jobs.notifications import Notifications
from storage.postgres.database import Database

API = "http://test/api/v1"


@dataclass(frozen=True)
class Application:
    app: FastAPI
    services: AppContext
    client: httpx.AsyncClient
    """Its paths are below `/api/v1`."""


@asynccontextmanager
async def running(
    settings: Settings, database: Database, url: str, directory: Path, stages: Stages[Any], embedding_model: str
) -> AsyncIterator[Application]:
    """The application on `database`, which lies at `url`, with its recordings in `directory`."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield

    async def status() -> dict[str, dict[str, str | None]]:
        kinds = {"transcriber": "whisper", "diarizer": "diarization", "embedder": embedding_model, "emotion": "emotion"}
        return {stage: {"model": model, "device": "cpu", "note": None} for stage, model in kinds.items()}

    app = create_app(settings, lifespan)
    store = AudioStore(str(directory))
    async with Notifications(url, database) as notifications:
        recordings = Recordings(settings, stages, database, store, notifications, share=lambda samples: samples)
        services = app.state.services = AppContext(settings, database, store, recordings, notifications, status)
        worker = Worker(recordings, notifications, partial(current_policy, services), wake=lambda: None)
        webhooks = Webhooks(settings, database)
        worker.start()
        webhooks.start()
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=API, timeout=600) as client:
            try:
                yield Application(app, app.state.services, client)
            finally:
                await worker.close()
                await webhooks.close()


@contextmanager
def serving(
    settings: Settings, url: str, directory: Path, embedding_model: str, fill: Callable[[Database], Awaitable[None]]
) -> Iterator[str]:
    """The same behind a real HTTP server with no stages, on a thread of its own; the address. `fill` gives it its data."""
    server = _Server(settings, url, directory, embedding_model, fill)
    server.start()
    try:
        assert server.ready.wait(60)
        assert server.uvicorn is not None, "It did not start; the output says why."
        yield f"http://127.0.0.1:{server.port}"
    finally:
        if server.uvicorn is not None:
            server.uvicorn.should_exit = True
        server.join(30)
    assert not server.is_alive()


class _Server(threading.Thread):
    def __init__(
        self, settings: Settings, url: str, directory: Path, model: str, fill: Callable[[Database], Awaitable[None]]
    ) -> None:
        super().__init__()
        self.settings, self.url, self.directory, self.model, self.fill = settings, url, directory, model, fill
        self.port = free_port()
        self.ready = threading.Event()
        self.uvicorn: uvicorn.Server | None = None

    def run(self) -> None:
        try:
            asyncio.run(self._serve())
        finally:
            self.ready.set()

    async def _serve(self) -> None:
        database = Database(self.url)
        nobody: Any = None
        stages = Stages(nobody, nobody, nobody, nobody)
        try:
            await self.fill(database)
            async with running(self.settings, database, self.url, self.directory, stages, self.model) as application:
                server = uvicorn.Server(uvicorn.Config(application.app, port=self.port, lifespan="off", log_level="error"))
                serving = asyncio.create_task(server.serve())
                while not server.started and not serving.done():  # noqa: ASYNC110  # it has no event to wait for
                    await asyncio.sleep(0.01)
                self.uvicorn = server
                self.ready.set()
                await serving
        finally:
            await database.dispose()
