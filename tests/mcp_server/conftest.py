"""Two replicas of the application on one database, behind one address: requests go to each by turns."""

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from itertools import cycle
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
import soundfile
import uvicorn
from mcp import Client
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from pipeline.stages import Stages
from pipeline.types import Diarization, Emotion, Observation, Samples, Span, SpeakerHint, Turn, Utterance, Voiceprint, Word
from settings import Settings
from storage.database import Database
from tests.application import running
from tests.program import free_port
from tests.storage.transcripts import MODEL, voice

SECONDS = 6.0
T = TypeVar("T")

ORIGIN = "https://page.example"


class Heard:
    """Stages that hear one voice say two sentences, whatever the recording."""

    async def find_speech(self, audio: Samples) -> Sequence[Span]:
        return [Span(0, SECONDS)]

    async def transcribe(self, audio: Samples, window: Span, language: str | None) -> Sequence[Utterance]:
        words = [Word(f" {text}", i, i + 0.9, 0.9) for i, text in enumerate(["The", "parrot", "is", "dead."])]
        return [Utterance(tuple(words), -0.2, language or "en")]

    async def observe(self, audio: Samples, shard: Span, progress: Callable[[float], Awaitable[None]]) -> Observation:
        return Observation(np.zeros((1, 1, 1), np.uint8), np.zeros((1, 1, 1), np.float32))

    async def cluster(self, observations: Sequence[Observation], hint: SpeakerHint) -> Diarization:
        turns = (Turn(0, SECONDS, "SPEAKER_00"),)
        return Diarization(turns, turns)

    async def embed(self, audio: Samples, spans: Sequence[Span], heard: Voiceprint | None = None) -> Voiceprint:
        return Voiceprint(voice(1), MODEL)

    async def embed_each(self, audio: Samples, spans: Sequence[Span]) -> Sequence[Voiceprint | None]:
        return [Voiceprint(voice(1), MODEL) for _ in spans]

    async def recognize(self, audio: Samples, spans: Sequence[Span]) -> Sequence[Emotion]:
        return [Emotion("sad", 0.8, {"sad": 0.8, "neutral": 0.2}, voice(5, 64), "test-emotion") for _ in spans]


def sound() -> bytes:
    """A WAV file that is not silent."""
    file = io.BytesIO()
    noise = np.random.default_rng(1).normal(scale=0.1, size=int(16_000 * SECONDS)).astype(np.float32)
    soundfile.write(file, noise, 16_000, format="WAV")
    return file.getvalue()


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
    await asyncio.wait([task, ready], return_when=asyncio.FIRST_COMPLETED)
    try:
        yield await (ready if ready.done() else task)  # type: ignore[misc]
    finally:
        over.set()
        await task


@asynccontextmanager
async def _served(database: Database, database_url: str, directory: Path) -> AsyncIterator[str]:
    heard = Heard()
    settings = Settings(max_upload_mb=1, speaker_threshold=0.5, private_urls=True, cors_origins=[ORIGIN])
    stages = Stages(heard, heard, heard, heard)
    async with AsyncExitStack() as stack:
        replicas = []
        for _ in range(2):
            application = await stack.enter_async_context(running(settings, database, database_url, directory, stages, MODEL))
            await stack.enter_async_context(application.app.router.lifespan_context(application.app))
            replicas.append(application.app)
        turns = cycle(replicas)

        async def balance(scope: Scope, receive: Receive, send: Send) -> None:
            app = Response(sound(), media_type="audio/wav") if scope["path"] == "/talk.wav" else next(turns)
            await app(scope, receive, send)

        server = uvicorn.Server(uvicorn.Config(balance, port=free_port(), lifespan="off", log_level="error"))
        serving = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110  # it has no event to wait for
            await asyncio.sleep(0.01)
        yield f"http://127.0.0.1:{server.config.port}"
        server.should_exit = True
        await serving


@pytest.fixture
async def url(database: Database, database_url: str, tmp_path: Path) -> AsyncIterator[str]:
    """Where the replicas are; `/talk.wav` is there, too."""
    async with held(_served(database, database_url, tmp_path)) as url:
        yield url


@pytest.fixture
async def client(url: str) -> AsyncIterator[Client]:
    """The official client."""
    async with held(Client(f"{url}/mcp")) as client:
        yield client
