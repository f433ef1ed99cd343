"""Webhooks, received by a real server that checks their signatures."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, TypeAdapter
from sqlalchemy import select

from pipeline.stages import Stages
from pipeline.types import Emotion, Samples, Span
from services import leases, schemas, webhooks
from settings import Settings
from storage.jobs import webhooks as deliveries
from storage.postgres.database import Database
from storage.tables import JobRow
from tests.storage.transcripts import MODEL
from tests.support.application import Application, running
from tests.support.fixed_stages import FixedStages, sound
from tests.support.program import ROOT

KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()


STAGES = FixedStages()


class Stuck(FixedStages):
    """Stages of which the last one never ends."""

    async def recognize(self, audio: Samples, spans: Sequence[Span]) -> Sequence[Emotion]:
        await asyncio.Event().wait()
        raise AssertionError


class Receiver:
    """A server that keeps the requests, and answers with the given statuses, then with 204."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.talks_on = False
        """Whether an answer does not end before the test."""
        self.talking: list[asyncio.StreamWriter] = []
        self.received: asyncio.Queue[tuple[dict[str, str], bytes]] = asyncio.Queue()
        self.url = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()[1:]
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head if line)}
        body = await reader.readexactly(int(headers["content-length"]))
        status = self.statuses.pop(0) if self.statuses else 204
        if self.talks_on:
            writer.write(b"HTTP/1.1 200 X\r\n\r\nThank you ")
            self.talking.append(writer)
        else:
            writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
            writer.close()
        self.received.put_nowait((headers, body))

    async def next(self) -> tuple[dict[str, str], bytes]:
        return await asyncio.wait_for(self.received.get(), 120)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    async with await asyncio.start_server(receiver.answer, "127.0.0.1", 0) as server:
        receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
        yield receiver
        for writer in receiver.talking:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "POLL_INTERVAL_S", 0.05)
    monkeypatch.setattr(leases, "RENEW_INTERVAL_S", 0.1)
    monkeypatch.setattr(deliveries, "FIRST_RETRY_DELAY_S", 0.1)


@asynccontextmanager
async def application(
    database: Database, url: str, directory: Path, stages: FixedStages = STAGES, **settings: Any
) -> AsyncIterator[Application]:
    hear = Stages(stages, stages, stages, stages)
    async with running(Settings(speaker_threshold=0.5, **settings), url, directory, hear, MODEL) as found:
        yield found


async def send(application: Application, url: str, content: bytes) -> dict[str, Any]:
    files = {"audio_file": ("call.wav", content)}
    answer = await application.client.post("/process", params={"wait": False}, files=files, data={"webhook_url": url})
    found: dict[str, Any] = answer.json()
    return found | {"status_code": answer.status_code}


async def test_the_end_of_a_job_is_told_and_signed(
    database: Database, database_url: str, tmp_path: Path, receiver: Receiver
) -> None:
    receiver.statuses = [500, 404]
    async with application(database, database_url, tmp_path, webhook_secret=SECRET, private_urls=True) as app:
        sent = await send(app, receiver.url, sound())
        for _ in range(3):  # sent again until it is accepted
            headers, body = await receiver.next()
        job = (await app.client.get(f"/jobs/{sent['job_id']}")).json()
        await asyncio.sleep(0.5)
        assert receiver.received.empty()
    message = json.loads(body)
    assert message == {"type": "job.completed", "timestamp": job["finished_at"], "data": job}
    signature = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.digest(KEY, signature, hashlib.sha256)).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert headers["webhook-id"] == f"job_{sent['job_id']}"


def test_the_documented_event_has_a_timestamp_as_a_sent_one() -> None:
    manual = (ROOT / "docs" / "jobs.md").read_text().splitlines()
    (event,) = [json.loads(line) for line in manual if line.startswith('{"type": "job.completed"')]
    moment = TypeAdapter[datetime](schemas.Moment)
    assert moment.dump_python(moment.validate_python(event["timestamp"]), mode="json") == event["timestamp"]


async def test_an_answer_that_does_not_end_is_heard_by_its_beginning(
    database: Database, database_url: str, tmp_path: Path, receiver: Receiver
) -> None:
    receiver.talks_on = True
    async with application(database, database_url, tmp_path, webhook_secret=SECRET, private_urls=True) as app:
        await send(app, receiver.url, sound())
        await receiver.next()
        async with asyncio.timeout(120), database.engine.connect() as opened:
            connection = await opened.execution_options(isolation_level="AUTOCOMMIT")
            while (await connection.execute(select(JobRow.webhook_at))).scalar_one() is not None:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            assert (await connection.execute(select(JobRow.webhook_attempts))).scalar_one() == 1


async def test_work_that_is_stopped_is_told_with_its_reason(
    database: Database, database_url: str, tmp_path: Path, receiver: Receiver
) -> None:
    async with application(database, database_url, tmp_path, webhook_secret=SECRET, private_urls=True, stages=Stuck()) as app:
        sent = await send(app, receiver.url, sound())
        await app.client.post(f"/jobs/{sent['job_id']}/cancel")
        message = json.loads((await receiver.next())[1])
    assert (message["type"], message["data"]["error"]) == ("job.cancelled", "Cancelled.")


async def test_the_servers_own_network_is_told_nothing(
    database: Database, database_url: str, tmp_path: Path, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    async with application(database, database_url, tmp_path, webhook_secret=SECRET) as app:
        sent = await send(app, receiver.url, sound())
        async with asyncio.timeout(120):
            while "failed in attempt 2" not in caplog.text:  # noqa: ASYNC110  # a log has no event
                await asyncio.sleep(0.05)
        assert (await app.client.get(f"/jobs/{sent['job_id']}")).json()["state"] == "completed"
    assert receiver.received.empty()
    assert "private network" in caplog.text


async def test_no_webhook_without_a_secret(database: Database, database_url: str, tmp_path: Path) -> None:
    async with application(database, database_url, tmp_path) as app:
        refused = await send(app, "https://example.org/hook", sound())
    assert refused["status_code"] == 422
    assert "WEBHOOK_SECRET" in refused["detail"]


def test_a_secret_must_be_long_enough() -> None:
    with pytest.raises(ValueError, match="openssl rand"):
        Settings(webhook_secret=SecretStr("password"))
