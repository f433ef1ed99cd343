"""An application with a language model, which is a real HTTP server of the tests."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from pipeline.stages import Stages, TextEmbedder
from pipeline.types import Word
from services import leases, queue_worker
from settings import Settings
from storage.conversations import conversations
from storage.jobs import jobs
from storage.postgres.database import Database
from storage.speakers import changes
from tests.storage.people import keep, talk
from tests.storage.transcripts import MODEL, RULES, voice
from tests.support import llm_server
from tests.support.application import Application, running
from tests.support.fixed_stages import FixedStages
from tests.support.llm_server import KEY, LlmServer

VOICES = {"Nick": 1, "Ada": 2, "Bob": 3, "Eve": 4}
ENDED = ("completed", "failed", "cancelled")


@dataclass(frozen=True)
class Memory:
    application: Application
    database: Database
    server: LlmServer

    async def keep(self, texts: Sequence[str], names: Sequence[str] = ("Nick", "Ada"), title: str | None = None) -> int:
        """Store a conversation in which people with these names say the texts in turns; its id."""
        content = talk([voice(VOICES[name]) for name in names], lines=len(texts))
        said = tuple(
            replace(one, words=(Word(text, one.start, one.end, 0.9),))
            for one, text in zip(content.segments, texts, strict=True)
        )
        async with self.database.session() as session:
            source: Any = "person" if title else "default"
            id_ = await conversations.create(session, title or "Uploaded: a.wav", None, "wav", title_source=source)
        await keep(self.database, replace(content, segments=said), id_)
        async with self.database.session() as session:
            found = await conversations.get(session, id_)
            assert found is not None
            for i, name in enumerate(names):
                speaker = found.segments[i].speaker_id if i < len(found.segments) else None
                if speaker is not None and found.segments[i].speaker_name != name:
                    await changes.rename_speaker(session, speaker, name)
        return id_

    async def ask(self, method: str, path: str, status: int = 200, **options: Any) -> Any:
        answer = await self.application.client.request(method, path, **options)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    async def summary(self, id_: int) -> Any:
        return await self.ask("GET", f"/conversations/{id_}/summary")

    async def ended(self, job: int) -> Any:
        """The job when it has ended."""
        while (found := await self.ask("GET", f"/jobs/{job}"))["state"] not in ENDED:  # noqa: ASYNC110  # it is another process in production
            await asyncio.sleep(0.02)
        return found

    async def summarised(self, id_: int, **options: Any) -> Any:
        """The summary of a conversation, after it was requested."""
        job = await self.ask("POST", f"/conversations/{id_}/summary", 202, **options)
        found = await self.ended(job["id"])
        assert found["state"] == "completed", found["error"]
        return await self.summary(id_)

    async def failure(self, id_: int) -> str:
        """Why the summary of a conversation failed, after it was requested."""
        job = await self.ask("POST", f"/conversations/{id_}/summary", 202)
        found = await self.ended(job["id"])
        assert found["state"] == "failed"
        return str(found["error"])


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LlmServer]:
    monkeypatch.setattr(queue_worker, "POLL_INTERVAL_S", 0.05)
    monkeypatch.setattr(leases, "RENEW_INTERVAL_S", 0.1)
    monkeypatch.setattr(jobs, "BACKOFF_S", 0.0)
    async with llm_server.llm_server() as found:
        yield found


@pytest.fixture
async def start(server: LlmServer, database: Database, database_url: str, tmp_path: Path) -> AsyncIterator[Callable[..., Any]]:
    """Starts the application with the given settings beside those of the language model."""
    fixed = FixedStages()
    async with AsyncExitStack() as stack:

        async def begin(text: TextEmbedder | None = None, **settings: Any) -> Memory:
            given = {"llm_url": server.url, "llm_model": llm_server.MODEL, "llm_api_key": SecretStr(KEY), **settings}
            threshold = RULES.voice.speaker_threshold
            chosen = Settings(speaker_threshold=threshold, data_path=tmp_path, **given)
            stages = Stages(fixed, fixed, fixed, fixed, text=text)
            application = await stack.enter_async_context(running(chosen, database_url, tmp_path / "audio", stages, MODEL))
            return Memory(application, database, server)

        yield begin


@pytest.fixture
async def memory(start: Callable[..., Any]) -> Memory:
    found: Memory = await start()
    return found
