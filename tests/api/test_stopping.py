"""Requests that the end of the program interrupts."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from api import stopping
from pipeline.stages import Stages
from settings import Settings
from storage.postgres.database import Database
from tests.storage.transcripts import MODEL
from tests.support.application import Application, running
from tests.support.fixed_stages import FixedStages, sound

TIMEOUT_S = 120.0
HEAD = b'--x\r\nContent-Disposition: form-data; name="audio_file"; filename="long.wav"\r\n\r\n'


@pytest.fixture
async def application(database: Database, database_url: str, tmp_path: Path) -> AsyncIterator[Application]:
    fixed = FixedStages()
    stages = Stages(fixed, fixed, fixed, fixed)
    async with running(Settings(speaker_threshold=0.5), database_url, tmp_path, stages, MODEL) as application:
        yield application


@pytest.mark.parametrize("path", ["/process", "/process?wait=false", "/profiles/import", "/speakers/enroll"])
async def test_an_upload_in_progress_is_answered_with_503(
    application: Application, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(stopping, "GRACE_S", 0.0)

    async def upload() -> AsyncIterator[bytes]:
        yield HEAD + sound()
        await application.context.drain()  # what SIGTERM does
        await asyncio.Event().wait()

    async with asyncio.timeout(TIMEOUT_S):
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        answer = await application.client.post(path, content=upload(), headers=headers)
    assert answer.status_code == 503
    assert answer.json() == {"detail": stopping.SENTENCE}
    assert answer.headers["retry-after"]
    assert (await application.client.get("/conversations")).json()["total"] == 0
    assert await asyncio.to_thread(lambda: list(tmp_path.rglob("*.flac"))) == []


async def test_a_request_that_is_finished_soon_gets_its_answer(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stopping, "GRACE_S", TIMEOUT_S)
    application.context.recordings.stopping.set()
    answer = await application.client.post("/speakers/undo")
    assert (answer.status_code, answer.json()["detail"][:8]) == (409, "There is")
