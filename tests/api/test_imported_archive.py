"""An archive of the reference system, imported, as its clients use it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pipeline.stages import Stages
from services.archive.legacy_import import LegacyImport
from settings import Settings
from storage.legacy.sqlite_file import LegacyFile
from storage.postgres.database import Database
from tests.storage.legacy_database import fill
from tests.storage.transcripts import MODEL
from tests.support.application import Application, running
from tests.support.fixed_stages import FixedStages, sound


@pytest.fixture
async def application(database: Database, database_url: str, tmp_path: Path) -> AsyncIterator[Application]:
    fixed = FixedStages()
    settings = Settings(speaker_threshold=0.5)
    async with running(settings, database_url, tmp_path, Stages(fixed, fixed, fixed, fixed), MODEL) as application:
        recordings = tmp_path / "old" / "recordings"
        recordings.mkdir(parents=True)
        (recordings / "conv_7_full.wav").write_bytes(sound())
        with LegacyFile(fill(tmp_path / "speakers.db")) as file:
            store = application.context.store
            await LegacyImport(settings, database, store, file, tmp_path / "old", fixed, MODEL).run(lambda done, all_: None)
        yield application


async def test_clients_find_what_they_know(application: Application) -> None:
    client = application.client
    listed = (await client.get("/conversations")).json()
    assert [(one["id"], one["title"], one["status"]) for one in listed["conversations"]] == [
        (9, None, "failed"),
        (7, "Standup", "completed"),
    ]
    assert (await client.get("/conversations/segments/21/audio")).headers["content-type"] == "audio/wav"
    assert (await client.get("/conversations/7/audio")).status_code == 200
    (alice, unknown) = (await client.get("/speakers")).json()
    assert (alice["id"], alice["name"], alice["segment_count"]) == (3, "Alice", 1)
    profiles = (await client.get("/speakers/3/emotion-profiles")).json()["profiles"]
    assert [(one["emotion_category"], one["sample_count"]) for one in profiles] == [("angry", 4)]

    done = await client.post("/conversations/7/segments/22/identify", json={"speaker_name": "Bob"})
    assert (done.status_code, done.json()["speaker_id"], done.json()["enrolled"]) == (200, unknown["id"], True)
    found = (await client.get("/conversations/7")).json()
    assert [one["speaker_name"] for one in found["transcript_segments"]] == ["Alice", "Bob"]


async def test_an_imported_profile_learns_from_corrections(application: Application) -> None:
    done = await application.client.post("/conversations/7/segments/21/correct-emotion", json={"corrected_emotion": "angry"})
    assert (done.status_code, done.json()["sample_count"]) == (200, 5)


async def test_an_imported_recording_is_processed_again(application: Application) -> None:
    assert (await application.client.post("/conversations/7/reprocess")).json()["segments"] == 1
    found = (await application.client.get("/conversations/7")).json()
    assert found["transcript_segments"][0]["text"] == "The parrot is dead."
