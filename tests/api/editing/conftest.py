"""An application with a conversation of editable segments."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.stages import Stages
from pipeline.types import Transcript
from services.identity import transcripts
from settings import Settings
from storage.conversations import conversations
from storage.postgres.database import Database
from tests.storage.people import talk
from tests.storage.transcripts import MODEL, RULES, voice
from tests.support.application import Application, answering, connected
from tests.support.fixed_stages import FixedStages, sound


@dataclass(frozen=True)
class Talk:
    """Six lines of three seconds, of two voices in alternation: " Line", " 0." and so on."""

    application: Application
    id: int

    async def ask(self, method: str, path: str = "", status: int = 200, **options: Any) -> Any:
        """The answer to a request about the conversation."""
        answer = await self.application.client.request(method, f"/conversations/{self.id}{path}", **options)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.headers["content-type"] == "application/json" else answer.text

    async def lines(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.ask("GET"))["segments"]
        return found

    async def recording(self) -> Path:
        """The file of the conversation's recording."""
        context = self.application.context
        async with context.database.session() as session:
            key = await conversations.audio_key(session, self.id)
        async with context.store.local_path(key) as path:
            return path

    async def texts(self) -> list[str]:
        return [line["text"] for line in await self.lines()]


def spoken() -> Transcript:
    content = talk([voice(1), voice(2)], lines=6)
    segments = tuple(
        replace(segment, words=tuple(replace(w, start=w.start + i, end=w.end + i) for w in segment.words))
        for i, segment in enumerate(content.segments)
    )
    return replace(content, segments=segments)


@pytest.fixture
async def stored_talk(database: Database, database_url: str, tmp_path: Path) -> AsyncIterator[Talk]:
    fixed = FixedStages()
    settings = Settings(speaker_threshold=RULES.voice.speaker_threshold, data_path=tmp_path)
    stages = Stages(fixed, fixed, fixed, fixed)
    async with connected(settings, database_url, tmp_path / "audio", stages, MODEL) as context:
        recording = tmp_path / "talk.wav"
        await asyncio.to_thread(recording.write_bytes, sound(30.0))
        key = await context.store.put(recording, ".wav")
        async with database.session() as session:
            id_ = await conversations.create(session, "A talk", key, "wav")
            await transcripts.save(session, id_, spoken(), RULES)
        async with answering(context) as application:
            yield Talk(application, id_)
