"""The application without Ray: the real routes on a real database, with the stages of a test."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI

from api.app import create_app
from pipeline.stages import NO_MODEL, Stages, TextEmbedder, TextsNotEmbeddedError
from services.context import AppContext
from services.policy import StageStatus
from settings import Settings
from storage.postgres.database import Database
from tests.support import openapi
from tests.support.ports import free_port
from tests.support.serving import server_of

API = "http://localhost/api/v1"
EMBEDDED_MODELS = {"transcriber": "whisper-base", "diarizer": "community-1-embedded", "emotion": "whisper-encoder-emotion-2"}
"""What the stages say that they run."""


def no_stages() -> Stages[Any]:
    """For tests in which no stage is called."""
    missing: Any = None
    return Stages(missing, missing, missing, missing)


@dataclass(frozen=True)
class Application:
    app: FastAPI
    context: AppContext
    client: httpx.AsyncClient
    """Its paths are below `/api/v1`."""


@asynccontextmanager
async def _no_lifespan(_app: FastAPI) -> AsyncIterator[None]:
    yield


@asynccontextmanager
async def connected(
    settings: Settings, url: str, directory: Path, stages: Stages[Any], embedding_model: str | None
) -> AsyncIterator[AppContext]:
    """A context that keeps recordings in `directory`. The stages do not answer where there is no embedding model."""

    async def status() -> StageStatus:
        if embedding_model is None:
            raise ConnectionError("the stages are gone")
        models = {**EMBEDDED_MODELS, "embedder": embedding_model}
        if stages.text is not None:
            models["text"] = await _text_model(stages.text)
        return {stage: {"model": model, "device": "cpu", "note": None} for stage, model in models.items()}

    chosen = settings.model_copy(update={"audio_url": str(directory)})
    async with AppContext.create(chosen, url, stages, status) as context:
        yield context


async def _text_model(embedder: TextEmbedder) -> str:
    try:
        return (await embedder.embed_query(".")).model
    except TextsNotEmbeddedError:
        return NO_MODEL


@asynccontextmanager
async def answering(context: AppContext) -> AsyncIterator[Application]:
    """The routes, with no background work."""
    app = create_app(context.settings, _no_lifespan)
    app.state.context = context
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    hooks = {"response": [openapi.check_answer]}
    async with httpx.AsyncClient(transport=transport, base_url=API, timeout=600, event_hooks=hooks) as client:
        yield Application(app, context, client)


@asynccontextmanager
async def running(
    settings: Settings, url: str, directory: Path, stages: Stages[Any], embedding_model: str
) -> AsyncIterator[Application]:
    """The application, which also works on jobs and webhooks."""
    async with (
        connected(settings, url, directory, stages, embedding_model) as context,
        context.working(),
        answering(context) as application,
    ):
        yield application


@contextmanager
def serving(
    settings: Settings,
    url: str,
    directory: Path,
    embedding_model: str,
    fill: Callable[[Database], Awaitable[None]],
    stages: Stages[Any] | None = None,
) -> Iterator[str]:
    """The same behind a real HTTP server, on a thread of its own; the address. `fill` gives it its data.

    Without `stages` nothing can be processed.
    """
    server = _Server(settings, url, directory, embedding_model, fill, stages or no_stages())
    server.start()
    try:
        assert server.ready.wait(600)
        assert server.uvicorn is not None, "It did not start; the output says why."
        yield f"http://127.0.0.1:{server.port}"
    finally:
        if server.uvicorn is not None:
            server.uvicorn.should_exit = True
        server.join(600)
    assert not server.is_alive()


class _Server(threading.Thread):
    def __init__(
        self,
        settings: Settings,
        url: str,
        directory: Path,
        model: str,
        fill: Callable[[Database], Awaitable[None]],
        stages: Stages[Any],
    ) -> None:
        super().__init__()
        self.stages = stages
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
        async with (
            running(self.settings, self.url, self.directory, self.stages, self.model) as application,
            application.app.router.lifespan_context(application.app),  # MCP
        ):
            await self.fill(application.context.database)
            server = server_of(application.app, self.port, lifespan="off")
            serving = asyncio.create_task(server.serve())
            while not server.started and not serving.done():  # noqa: ASYNC110  # it has no event to wait for
                await asyncio.sleep(0.01)
            self.uvicorn = server
            self.ready.set()
            while not server.should_exit and not serving.done():  # noqa: ASYNC110  # it has no event to wait for
                await asyncio.sleep(0.05)
            await application.context.drain()  # ends the streams of events, for which the server would wait
            await serving
