"""Two replicas of the application on one database, behind one address: requests alternate between them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from itertools import cycle
from pathlib import Path
from typing import Any, TypeVar

import pytest
from mcp import Client
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from pipeline.stages import Stages
from settings import Settings
from storage.postgres.database import Database
from tests.storage.transcripts import MODEL
from tests.support.application import running
from tests.support.fixed_stages import FixedStages, sound
from tests.support.serving import serving

T = TypeVar("T")

ORIGIN = "https://page.example"


@asynccontextmanager
async def held(context: AbstractAsyncContextManager[T]) -> AsyncIterator[T]:
    """`context`, within one task from its beginning to its end, as anyio wants it; pytest's fixtures end in another."""
    ready: asyncio.Future[T] = asyncio.get_running_loop().create_future()
    over = asyncio.Event()

    async def hold() -> None:
        async with context as value:
            ready.set_result(value)
            await over.wait()

    task = asyncio.create_task(hold())
    pending: list[asyncio.Future[Any]] = [task, ready]
    await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
    try:
        yield await (ready if ready.done() else task)  # type: ignore[misc]
    finally:
        over.set()
        await task


@asynccontextmanager
async def _served(database: Database, database_url: str, directory: Path) -> AsyncIterator[str]:
    fixed = FixedStages()
    settings = Settings(
        max_upload_mb=1, speaker_threshold=0.5, private_urls=True, cors_origins=[ORIGIN], whisper_models=["turbo"]
    )
    stages = Stages(fixed, fixed, fixed, fixed)
    async with AsyncExitStack() as stack:
        replicas = []
        for _ in range(2):
            application = await stack.enter_async_context(running(settings, database_url, directory, stages, MODEL))
            await stack.enter_async_context(application.app.router.lifespan_context(application.app))
            replicas.append(application.app)
        turns = cycle(replicas)

        async def balance(scope: Scope, receive: Receive, send: Send) -> None:
            app = Response(sound(), media_type="audio/wav") if scope["path"] == "/talk.wav" else next(turns)
            await app(scope, receive, send)

        yield await stack.enter_async_context(serving(balance))


@pytest.fixture
async def url(database: Database, database_url: str, tmp_path: Path) -> AsyncIterator[str]:
    """The address of the replicas; `/talk.wav` is served there, too."""
    async with held(_served(database, database_url, tmp_path)) as url:
        yield url


@pytest.fixture
async def client(url: str) -> AsyncIterator[Client]:
    """The official client."""
    async with held(Client(f"{url}/mcp")) as client:
        yield client
