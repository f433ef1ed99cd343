"""Limits for each principal: requests, hours queued, live streams and fetched bytes."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from pipeline.access import LOCAL
from pipeline.stages import Stages
from services.access import limits, request_limit
from services.access.actor import Actor, acting_for
from services.errors import LimitExceededError
from services.live.client_messages import StartMessage
from settings import Settings
from storage.access import usage
from storage.conversations import conversations
from storage.jobs import jobs, lists
from storage.jobs.options import JobOptions
from storage.postgres.database import Database
from storage.tables import Usage
from tests.storage.transcripts import MODEL
from tests.support import clock
from tests.support.application import Application, answering, connected
from tests.support.fixed_stages import FixedStages, sound
from tests.support.ports import free_port
from tests.support.principals import Caller, become, person, program

Start = Callable[..., AbstractAsyncContextManager[Application]]
A_SECOND = 1 / 3600
"""In hours."""


@pytest.fixture
def start(database: Database, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    """A replica of the application with other limits. A minute lasts long, so that none ends within a test."""
    monkeypatch.setattr(request_limit, "PERIOD_S", 100_000)

    @asynccontextmanager
    async def started(**chosen: Any) -> AsyncIterator[Application]:
        fixed = FixedStages()
        settings = Settings(data_path=tmp_path, speaker_threshold=0.5, private_urls=True, endpointing="energy", **chosen)
        stages = Stages(fixed, fixed, fixed, fixed)
        async with (
            connected(settings, database_url, tmp_path / "audio", stages, MODEL) as context,
            answering(context) as application,
        ):
            yield application

    return started


def today() -> datetime:
    """When it began."""
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def refused(answer: httpx.Response) -> str:
    """The sentence of a 429."""
    assert answer.status_code == 429, answer.text
    assert int(answer.headers["retry-after"]) >= 1
    sentence: str = answer.json()["detail"]
    return sentence


async def allowed(client: httpx.AsyncClient, number: int) -> int:
    """How many of the requests are answered."""
    answers = await asyncio.gather(*(client.get("/conversations") for _ in range(number)))
    assert {answer.status_code for answer in answers} <= {200, 429}
    return sum(answer.status_code == 200 for answer in answers)


async def test_a_principal_gets_so_many_requests_and_others_theirs(start: Start, database: Database) -> None:
    alice, bob = await person(database, "alice"), await person(database, "bob")
    async with start(limit_requests_per_minute=10) as application:
        client = application.client
        become(client, alice)
        assert await allowed(client, 25) == 10
        assert "10 requests a minute" in refused(await client.get("/status"))
        assert "10 requests a minute" in refused(await client.post("http://localhost/mcp", json={}))
        become(client, bob)
        assert await allowed(client, 5) == 5
        become(client, None)  # a client of this machine
        assert await allowed(client, 30) == 30


async def test_replicas_count_together_and_keys_of_a_person_too(start: Start, database: Database) -> None:
    alice = await person(database, "alice")
    second = await program(database, "cron", person_id=alice.person_id)
    async with start(limit_requests_per_minute=10) as one, start(limit_requests_per_minute=10) as other:
        become(one.client, alice)
        become(other.client, second)
        total = 0
        for _ in range(12):
            total += await allowed(one.client, 1) + await allowed(other.client, 1)
    assert total == 10


async def test_allotments_cost_few_writes(start: Start, database: Database) -> None:
    """A limit of 2,000 is taken in twenty allotments."""
    alice = await person(database, "alice")
    async with start(limit_requests_per_minute=2000) as application:
        become(application.client, alice)
        assert await allowed(application.client, 150) == 150
    async with database.session() as session:
        assert await session.scalar(select(Usage.amount).where(Usage.resource == "requests")) == 200


async def test_hours_in_the_queue_are_limited(start: Start, database: Database) -> None:
    alice, bob = await person(database, "alice"), await person(database, "bob")

    async def send(client: httpx.AsyncClient, seconds: float) -> httpx.Response:
        return await client.post("/process", params={"wait": False}, files={"audio_file": ("a.wav", sound(seconds))})

    async with start(limit_queued_hours=10 * A_SECOND) as application:
        client = application.client
        become(client, alice)
        first = await send(client, 6)
        assert first.status_code == 202
        assert "hours of audio in the queue" in refused(await send(client, 6))
        batch = await client.post("/process/batch", files=[("audio_files", ("a.wav", sound(s))) for s in (3, 6)])
        accepted = [(file["job_id"] is not None, file["error"]) for file in batch.json()["files"]]
        assert [ok for ok, _ in accepted] == [True, False]
        assert "hours of audio in the queue" in str(accepted[1][1])
        become(client, bob)
        assert (await send(client, 6)).status_code == 202
        become(client, alice)
        job = first.json()["job_id"]
        assert (await client.post(f"/jobs/{job}/cancel")).status_code == 200
        assert (await send(client, 6)).status_code == 202  # what is not in the queue any more does not count
        assert "in the queue" in refused(await client.post(f"/jobs/{job}/retry"))
        assert (await client.get(f"/jobs/{job}")).json()["state"] == "cancelled"
        assert (await client.get("/jobs")).json()["total"] == 3
        become(client, None)
        assert (await send(client, 12)).status_code == 202


async def test_uploads_at_one_time_do_not_exceed_the_hours_together(database: Database) -> None:
    alice, settings = await person(database, "alice"), Settings(limit_queued_hours=3)

    async def queue() -> bool:
        with acting_for(Actor(alice.principal)):
            try:
                async with database.session() as session:
                    conversation = await conversations.create(session, None, None, "flac")
                    job = await jobs.enqueue(session, conversation, JobOptions(), 3600, max_queued=99)
                    await limits.add_job(session, settings, job, 3600)
            except LimitExceededError:
                return False
            return True

    assert sorted(await asyncio.gather(*(queue() for _ in range(8)))) == [False] * 5 + [True] * 3
    async with database.session() as session:
        assert (await lists.list_page(session, LOCAL))[1] == 3


async def test_live_streams_are_limited(start: Start, database: Database) -> None:
    alice, bob = await person(database, "alice"), await person(database, "bob")
    async with start(limit_streams=2) as application:
        live = application.context.live

        async def begin(caller: Caller) -> Any:
            with acting_for(Actor(caller.principal)):
                return await live.start(StartMessage(), lambda _message: None)

        first, _ = await begin(alice), await begin(alice)
        with pytest.raises(LimitExceededError, match="2 live streams"):
            await begin(alice)
        await begin(bob)
        await live.finish(first)
        await begin(alice)
        assert len(list((application.context.settings.data_path / "live").glob("*"))) == 3  # the refused one left no file


async def test_fetched_bytes_are_limited_for_a_day(start: Start, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    day = today()
    clock.stop(monkeypatch, limits, day + timedelta(hours=12))
    alice, content = await person(database, "alice"), sound()
    server = _Files(content)
    async with start(limit_fetched_gb_per_day=2.5 * len(content) / 1e9) as application:
        client = application.client
        become(client, alice)
        for expected in (202, 202, 400):  # the third has the rest of the limit, which is too small for it
            answer = await client.post("/process/url", params={"wait": False}, data={"url": server.url})
            assert answer.status_code == expected, answer.text
        async with database.session() as session:
            used = await session.scalar(select(Usage.amount).where(Usage.resource == "fetched_bytes"))
            assert used is not None
            assert used >= 2 * len(content)
            left = 2.5 * len(content) - used
            await usage.take(session, f"person:{alice.person_id}", "fetched_bytes", day, left, 2.5 * len(content))
        answer = await client.post("/process/url", params={"wait": False}, data={"url": server.url})
        assert "fetched for you in a day" in refused(answer)
        become(client, None)
        assert (await client.post("/process/url", params={"wait": False}, data={"url": server.url})).status_code == 202
    server.close()


async def test_what_is_not_fetched_does_not_count(start: Start, database: Database) -> None:
    async with start() as application:
        become(application.client, await person(database, "alice"))
        url = f"http://127.0.0.1:{free_port()}/a.wav"
        assert (await application.client.post("/process/url", data={"url": url})).status_code == 400
    async with database.session() as session:
        assert await session.scalar(select(Usage.amount).where(Usage.resource == "fetched_bytes")) == 0


async def test_old_rows_are_deleted(database: Database) -> None:
    began = today()
    async with database.session() as session:
        for days in (0, 1, 8, 30):
            await usage.take(session, "person:1", "requests", began - timedelta(days=days), 1, 9)
        await usage.purge(session)
        kept = (await session.scalars(select(Usage.period_start))).all()
    assert sorted(kept) == [began - timedelta(days=1), began]


class _Files:
    """An HTTP server with one file."""

    def __init__(self, content: bytes) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", free_port()), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/talk.wav"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
