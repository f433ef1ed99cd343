"""Old recordings and conversations are removed, and what an erasure could not remove is removed later."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update

from pipeline.stages import Stages
from services.erasure.retention import Retention
from services.runtime import IN_PROCESS
from settings import Settings
from storage.audio import AudioStore
from storage.erasure import space
from storage.postgres.database import Database
from storage.tables import AuditEntry, Conversation, ParticipantRow, PendingRemoval
from tests.storage.transcripts import MODEL
from tests.support.application import Application, answering, connected
from tests.support.fixed_stages import FixedStages, sound

SETTINGS = Settings(speaker_threshold=0.5, retention_audio_days=10, retention_transcript_days=100)


@pytest.fixture
async def application(database: Database, database_url: str, tmp_path: Path) -> AsyncIterator[Application]:
    """It works on recordings alone: when something is removed, a test determines."""
    fixed = FixedStages()
    stages = Stages(fixed, fixed, fixed, fixed)
    async with (
        connected(SETTINGS, database_url, tmp_path / "audio", stages, MODEL) as context,
        answering(context) as application,
    ):
        context.worker.start()
        yield application
        await context.worker.close()


async def record(application: Application, stored: timedelta) -> dict[str, Any]:
    """A conversation that was stored so long ago."""
    answer = await application.client.post("/process", files={"audio_file": ("talk.wav", sound())})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    async with application.context.database.session() as session:
        created_at = func.now() - stored
        await session.execute(update(Conversation).where(Conversation.id == found["id"]).values(created_at=created_at))
    return found


def files(tmp_path: Path) -> int:
    return len(list((tmp_path / "audio").iterdir()))


async def test_each_age_has_its_limit(application: Application, tmp_path: Path) -> None:
    new, old, oldest = [await record(application, timedelta(days=days)) for days in (9, 12, 102)]
    # A day more at most: what was stored on a day is kept until ten, or a hundred, whole days have passed.
    assert files(tmp_path) == 3
    days = [datetime.now(UTC)]
    await application.context.retention.remove_old()
    days.append(datetime.now(UTC))
    assert files(tmp_path) == 1
    client = application.client
    assert (await client.get(f"/conversations/{oldest['id']}")).status_code == 404
    kept = (await client.get(f"/conversations/{old['id']}")).json()
    assert [line["text"] for line in kept["segments"]] == ["The parrot is dead."]
    again = await client.post(f"/conversations/{old['id']}/reprocess")
    removed = again.json()["detail"]
    assert again.status_code == 404
    assert removed in [
        f"The recording was removed on {day:%Y-%m-%d} because of its age; its transcript is kept." for day in days
    ]
    audio = await client.get(f"/conversations/segments/{kept['segments'][0]['id']}/audio")
    assert (audio.status_code, audio.json()) == (404, {"detail": removed})
    played = await client.get(f"/conversations/segments/{new['segments'][0]['id']}/audio")
    assert played.status_code == 200
    async with application.context.database.session() as session:
        entries = await session.execute(select(AuditEntry.principal, AuditEntry.action, AuditEntry.object))
        done = {tuple(entry) for entry in entries if entry.principal == "retention"}
        assert await session.scalar(select(func.count()).select_from(PendingRemoval)) == 0
    assert done == {
        ("retention", "conversation.erase", f"conversation:{oldest['id']}"),
        ("retention", "recording.erase", f"conversation:{old['id']}"),
    }


async def test_without_limits_everything_is_kept(application: Application, tmp_path: Path) -> None:
    talk = await record(application, timedelta(days=10_000))
    context = application.context
    await Retention(Settings(), context.database, context.erasure.cleanup, IN_PROCESS).remove_old()
    assert files(tmp_path) == 1
    assert (await application.client.get(f"/conversations/{talk['id']}")).status_code == 200


async def test_active_conversations_are_left_alone(application: Application, tmp_path: Path) -> None:
    talk = await record(application, timedelta(days=10_000))
    async with application.context.database.session() as session:
        await session.execute(update(Conversation).values(status="processing"))
    await application.context.retention.remove_old()
    assert (await application.client.get(f"/conversations/{talk['id']}")).status_code == 200
    assert files(tmp_path) == 1


async def test_a_recording_that_cannot_be_deleted_is_deleted_later(
    application: Application, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(_store: AudioStore, _key: str) -> None:
        raise OSError("the store is away")

    talk = await record(application, timedelta(0))
    with monkeypatch.context() as patch:
        patch.setattr(AudioStore, "delete", refuse)
        answer = await application.client.post(f"/conversations/{talk['id']}/erase")
    assert answer.json()["pending"] == [
        "1 recording(s) could not be deleted yet, as the server's log says; this is tried again."
    ]
    assert (await application.client.get(f"/conversations/{talk['id']}")).status_code == 404
    assert files(tmp_path) == 1
    await application.context.retention.remove_old()
    assert files(tmp_path) == 0


async def test_an_older_transaction_delays_the_removal_of_bytes(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk = await record(application, timedelta(0))
    async with application.context.database.engine.connect() as older:
        monkeypatch.setattr(space, "SNAPSHOT_TIMEOUT_S", 0.1)
        await older.execution_options(isolation_level="REPEATABLE READ")
        await older.execute(select(ParticipantRow.id))
        (waits,) = (await application.client.post(f"/conversations/{talk['id']}/erase")).json()["pending"]
    monkeypatch.undo()  # other transactions may take longer than that
    assert waits == (
        "Bytes of the deleted rows are still in the database's files, as a transaction that is older than the erasure has not "
        "ended; removing them is tried again."
    )
    await application.context.retention.remove_old()
    async with application.context.database.session() as session:
        assert await session.scalar(select(func.count()).select_from(PendingRemoval)) == 0
