"""Responses to clients while the database is down or the disk is full."""

import asyncio
import resource
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError

from pipeline.stages import Stages
from services import failures
from settings import Settings
from storage.events import notifications
from storage.postgres.database import Database, migrate
from storage.postgres.embedded import EmbeddedPostgres
from tests.api.test_worker import Steered, held_up
from tests.storage.transcripts import MODEL
from tests.support.application import Application, running
from tests.support.fixed_stages import sound
from tests.support.serving import serving

BOUND = 2**20


@pytest.fixture
def server(open_directory: Path) -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL of this test's own, to be stopped."""
    server = EmbeddedPostgres(open_directory / "postgres")
    yield server
    server.stop()


@pytest.fixture
def stages() -> Steered:
    return Steered()


@pytest.fixture
async def application(server: EmbeddedPostgres, tmp_path: Path, stages: Steered) -> AsyncIterator[Application]:
    url = await asyncio.to_thread(server.start)
    await migrate(url)
    database = Database(url)
    all_stages = Stages(stages, stages, stages, stages)
    async with running(Settings(speaker_threshold=0.5), url, tmp_path, all_stages, MODEL) as application:
        yield application
    await database.dispose()


async def test_a_database_that_is_away_is_said_and_survived(
    application: Application, server: EmbeddedPostgres, stages: Steered, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifications, "CHECK_INTERVAL_S", 0.2)
    client = application.client
    upload: Any = {"files": {"audio_file": ("call.wav", sound())}}
    waiting = asyncio.create_task(client.post("/process", **upload))  # it was accepted, so no client should send it again
    await held_up(stages)
    await asyncio.to_thread(server.stop)
    for answer in (await client.get("/conversations"), await client.post("/process", **upload)):
        assert answer.status_code == 503
        assert answer.headers["retry-after"]
        assert "try again" in answer.json()["detail"]
    several: Any = {"files": [("audio_files", ("call.wav", sound()))] * 2}
    refused = (await client.post("/process/batch", **several)).json()["files"]
    assert ["try again" in item["error"] for item in refused] == [True, True]
    await asyncio.to_thread(server.start)
    stages.open.set()
    for done in (await waiting, await client.post("/process", **upload)):
        assert done.status_code == 200, done.text
        assert done.json()["num_segments"] == 1
    assert (await client.get("/conversations")).json()["total"] == 2


async def test_agents_read_it_as_well(application: Application, server: EmbeddedPostgres) -> None:
    app = application.app
    async with app.router.lifespan_context(app), serving(app) as address, Client(f"{address}/mcp") as client:
        await asyncio.to_thread(server.stop)
        for tool, arguments in (
            ("list_conversations", {}),
            ("get_conversation", {"conversation_id": 1}),
            ("rename_speaker", {"speaker_id": 1, "new_name": "Eve"}),
        ):
            answer = await client.call_tool(tool, arguments)
            assert answer.is_error
            assert answer.content[0].text == failures.DATABASE_AWAY  # type: ignore[union-attr]
        with pytest.raises(MCPError, match=failures.DATABASE_AWAY):
            await client.read_resource("conversation://1")


@pytest.fixture
def small_disk() -> Iterator[None]:
    """Limit files of this process to a megabyte: the error is that of a full disk, except for its number."""
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (BOUND, former[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, former)


async def test_a_full_disk_is_said_and_nothing_is_kept(
    application: Application, tmp_path: Path, stages: Steered, small_disk: None
) -> None:
    stages.open.set()
    client = application.client
    before = (await client.get("/conversations")).json()["total"]
    large = sound(BOUND / 32_000 * 1.2)  # its upload does not fit, so the form cannot be read
    answer = await client.post("/process", files={"audio_file": ("call.wav", large)})
    assert (answer.status_code, answer.json()["detail"].split(".")[0]) == (507, "The server's disk is full")
    assert (await client.get("/conversations")).json()["total"] == before
    assert (await client.post("/process", files={"audio_file": ("call.wav", sound())})).status_code == 200
    kept = await asyncio.to_thread(lambda: [path for path in tmp_path.rglob("*") if path.is_file()])
    assert len(kept) == 1, "the recording that was kept, and nothing of the other"
