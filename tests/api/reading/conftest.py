"""The application behind a real HTTP server on this event loop, with a conversation of four lines of two voices."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.identity import transcripts
from settings import Settings
from storage.conversations import conversations
from storage.jobs import jobs
from storage.postgres.database import Database
from tests.storage.people import talk
from tests.storage.transcripts import MODEL, RULES, voice
from tests.support.application import Application, answering, connected, no_stages
from tests.support.principals import Caller
from tests.support.serving import serving

TIMEOUT_S = 120.0

Event = dict[str, Any]


class Reader:
    """A client of the event stream."""

    def __init__(self, response: httpx.Response) -> None:
        self._lines = response.aiter_lines()

    async def next(self) -> Event | None:
        """The next event; None at the end of the stream."""
        name = ""
        async with asyncio.timeout(TIMEOUT_S):
            async for line in self._lines:
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    found: Event = json.loads(line.removeprefix("data: "))
                    assert found["type"] == name
                    return found
        return None

    async def until(self, wanted: Callable[[Event], bool]) -> list[Event]:
        """The events up to the first wanted one."""
        found: list[Event] = []
        while not found or not wanted(found[-1]):
            event = await self.next()
            assert event is not None, found
            found.append(event)
        return found


@dataclass(frozen=True)
class Served:
    application: Application
    client: httpx.AsyncClient
    """With as many connections as there are readers."""
    conversation: int
    speakers: list[int]

    @asynccontextmanager
    async def reader(self, caller: Caller | None = None) -> AsyncIterator[Reader]:
        """Who has read that the stream begins."""
        headers = {} if caller is None else {"authorization": f"Bearer {caller.api_key}"}
        async with self.client.stream("GET", "/api/v1/events", headers=headers) as response:
            assert response.status_code == 200
            assert response.headers["content-type"].startswith("text/event-stream")
            reader = Reader(response)
            assert await reader.next() == {"type": "resync", "reason": "connected"}
            yield reader

    async def settle(self) -> None:
        """Wait until the process was notified of all changes so far: a busy server may send the notifications late."""
        context = self.application.context
        work = context.notifications.work
        async with asyncio.timeout(TIMEOUT_S):
            await work.wait()  # it listens
            work.clear()
            async with context.database.session() as session:
                await jobs.announce(session)  # notifications keep the order of their transactions
            await work.wait()

    async def ask(self, method: str, path: str, **options: Any) -> Any:
        answer = await self.application.client.request(method, path, **options)
        assert answer.status_code < 300, answer.text
        return answer.json()


@pytest.fixture
async def served(database: Database, database_url: str, tmp_path: Path) -> AsyncIterator[Served]:
    settings = Settings(speaker_threshold=RULES.voice.speaker_threshold, data_path=tmp_path)
    async with connected(settings, database_url, tmp_path / "audio", no_stages(), MODEL) as context:
        async with database.session() as session:
            id_ = await conversations.create(session, "A talk", None, "wav")
            await transcripts.save(session, id_, talk([voice(1), voice(2)]), RULES)
        async with answering(context) as application, serving(application.app) as url:
            found = (await application.client.get("/speakers")).json()
            limits = httpx.Limits(max_connections=None)
            async with httpx.AsyncClient(base_url=url, timeout=TIMEOUT_S, limits=limits) as client:
                served = Served(application, client, id_, [one["id"] for one in found])
                await served.settle()
                yield served
            context.events.end()
