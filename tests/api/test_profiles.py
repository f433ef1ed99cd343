"""The routes of profiles and voice settings, on a real database."""

import io
import json
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from sqlalchemy import select, update

from engines.in_process import LocalEmbedder
from engines.speaker_embedding import SpeakerEmbedding
from engines.voiceprints import VoiceprintEngine
from engines.weights.resolver import resolve
from media import recording
from media.decoding import decode
from services.context import AppContext
from settings import Settings
from storage.audio import AudioStore
from storage.backups import backups
from storage.postgres.database import Database
from storage.tables import Conversation, SegmentRow, Speaker, VoiceprintRow
from tests.storage.archive import add_speaker, add_talk, state
from tests.storage.legacy import as_bytes, legacy_file
from tests.support.application import answering, connected, no_stages
from vivavoce.sample import recording as sample

MODEL = "wespeaker-resnet34"
DEFAULTS = {
    "speaker_threshold": 0.53,
    "context_padding": 0.15,
    "silence_duration": 0.5,
    "filter_hallucinations": True,
    "emotion_threshold": 0.6,
}


@pytest.fixture
def store(tmp_path: Path) -> AudioStore:
    return AudioStore(str(tmp_path))


@pytest.fixture
async def context(database: Database, database_url: str, tmp_path: Path) -> AsyncIterator[AppContext]:
    async with connected(Settings(), database_url, tmp_path, no_stages(), MODEL) as context:
        yield context


@pytest.fixture
async def api(context: AppContext) -> AsyncIterator[httpx.AsyncClient]:
    async with answering(context) as application:
        yield application.client


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["detail"]


async def test_settings_are_read_changed_and_reset(api: httpx.AsyncClient) -> None:
    assert (await api.get("/settings/voice")).json() == DEFAULTS
    changed = await api.post("/settings/voice", json={"speaker_threshold": 0.42, "silence_duration": None, "colour": "red"})
    assert (changed.status_code, changed.json()) == (200, DEFAULTS | {"speaker_threshold": 0.42})
    assert (await api.get("/settings/voice")).json()["speaker_threshold"] == 0.42
    assert (await api.post("/settings/voice/reset")).json() == DEFAULTS


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({}, 400, "No settings provided to update"),
        ({"speaker_threshold": None}, 400, "No settings provided to update"),
        ({"colour": "red"}, 400, "No settings provided to update"),
        ({"speaker_threshold": 0.05}, 400, "Invalid settings: speaker_threshold: Input should be greater than or equal to 0.1"),
    ],
)
async def test_settings_that_make_no_sense_change_nothing(
    api: httpx.AsyncClient, body: dict[str, Any], status: int, says: str
) -> None:
    assert refusal(await api.post("/settings/voice", json=body)) == (status, says)
    assert (await api.get("/settings/voice")).json() == DEFAULTS


async def test_settings_of_the_wrong_kind(api: httpx.AsyncClient) -> None:
    answer = await api.post("/settings/voice", json={"speaker_threshold": "high"})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "speaker_threshold"]
    headers = {"Content-Type": "application/json"}
    assert (await api.post("/settings/voice", content=b'{"speaker_threshold": NaN}', headers=headers)).status_code == 400
    assert (await api.post("/settings/voice", content=b'{"speaker_threshold": [NaN]}', headers=headers)).status_code == 422


async def test_a_profile_from_its_creation_to_its_end(api: httpx.AsyncClient, database: Database) -> None:
    created = await api.post("/profiles", json={"name": "my home", "description": "Us"})
    assert created.status_code == 200
    assert created.json() == {
        "message": "Empty profile 'my home' created successfully", "name": "my home", "description": "Us",
        "filename": "profile_my_home.json", "speakers_count": 0, "segments_count": 0,
        "timestamp": created.json()["timestamp"],
    }  # fmt: skip
    for taken in ("my home", "my_home"):
        assert refusal(await api.post("/profiles", json={"name": taken})) == (409, f"Profile '{taken}' already exists")
    async with database.session() as session:
        await add_talk(session, [await add_speaker(session, "Ada", 1, model=MODEL)])
    updated = (await api.patch("/profiles/my home", json={})).json()
    assert (updated["description"], updated["speakers_count"], updated["segments_count"]) == ("Us", 1, 4)
    copied = await api.post("/profiles/duplicate", json={"name": "copy"})
    assert set(copied.json()) == {
        "message", "name", "description", "filename", "speakers_count", "segments_count", "timestamp",
    }  # fmt: skip
    listed = (await api.get("/profiles")).json()["profiles"]
    assert [one["name"] for one in listed] == ["copy", "my home"]
    assert set(listed[0]) == {
        "name", "description", "filename", "timestamp", "speakers_count", "segments_count", "created_at",
    }  # fmt: skip
    one = (await api.get("/profiles/copy")).json()
    assert one | listed[0] == one
    assert (one["speakers"], one["unrecognizable"], one["note"]) == (["Ada"], [], None)
    stamps = []
    for _ in range(2):
        made = (await api.post("/profiles/copy/checkpoints")).json()
        assert set(made) == {"message", "filename", "timestamp", "speakers_count", "segments_count"}
        assert made["message"] == "Checkpoint created for profile 'copy'"
        assert made["filename"] == f"checkpoint_copy_{made['timestamp']}.json"
        stamps.append(made["timestamp"])
    checkpoints = (await api.get("/profiles/copy/checkpoints")).json()["checkpoints"]
    assert [(c["timestamp"], c["profile_name"]) for c in checkpoints] == [(stamps[1], "copy"), (stamps[0], "copy")]
    gone = await api.delete(f"/profiles/copy/checkpoints/{stamps[0]}")
    assert gone.json() == {"message": "Checkpoint deleted"}
    assert refusal(await api.delete(f"/profiles/copy/checkpoints/{stamps[0]}")) == (404, "Checkpoint not found")
    deleted = await api.delete("/profiles/copy")
    assert deleted.json() == {"message": "Profile 'copy' and 1 checkpoints deleted", "deleted_checkpoints": 1}
    assert [one["name"] for one in (await api.get("/profiles")).json()["profiles"]] == ["my home"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/checkpoints"), ("GET", "/checkpoints"),
        ("DELETE", "/checkpoints/20251109_120000"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["nobody", "...", "a%00b"])
async def test_a_profile_that_is_not_there(api: httpx.AsyncClient, method: str, path: str, name: str) -> None:
    answer = await api.request(method, f"/profiles/{name}{path}", json={} if method == "PATCH" else None)
    assert refusal(answer) == (404, f"Profile '{name.replace('%00', chr(0))}' not found")


async def test_files_that_are_not_there(api: httpx.AsyncClient) -> None:
    assert refusal(await api.get("/profiles/download/nobody")) == (404, "Profile not found")
    assert refusal(await api.get("/profiles/download-all")) == (404, "No profiles found")
    for name in ("../../etc/passwd", "home.json", "profile_../x.json", "profile_.json\n", ""):
        assert refusal(await api.post("/profiles/restore", params={"filename": name})) == (400, "Invalid filename")
    answer = await api.post("/profiles/restore", params={"filename": "profile_nobody.json"})
    assert refusal(answer) == (404, "File not found")


async def test_restoring(api: httpx.AsyncClient, database: Database) -> None:
    async with database.session() as session:
        await add_talk(session, [await add_speaker(session, "Ada", 1)])
    filename = (await api.post("/profiles/duplicate", json={"name": "home"})).json()["filename"]
    async with database.session() as session:
        before = await state(session)
        await session.execute(update(Speaker).values(name="Eve"))
    answer = await api.post("/profiles/restore", params={"filename": filename})
    assert answer.json() == {
        "message": "Restored profile 'home'", "speakers_restored": 1, "segments_updated": 4, "segments_unmapped": 0,
        "segments_remapped_by_name": 0, "segments_remapped_from_local_names": 0, "segments_not_found": 0,
        "segments_skipped_namespace": 0, "segments_skipped_identity": 0, "segments_replayed_by_identity": 4,
        "segments_replayed_by_legacy_identity": 0, "segment_namespace_match": True, "legacy_restore_warning": None,
        "settings_restored": True, "settings_warning": None, "replaced_state": "profile_Before_restore.json",
        "distinct_pairs_restored": 0, "forgotten_changes": 0,
    }  # fmt: skip
    async with database.session() as session:
        assert await state(session) == before


async def test_a_file_goes_out_and_comes_in_again(api: httpx.AsyncClient, database: Database) -> None:
    async with database.session() as session:
        await add_talk(session, [await add_speaker(session, "Ada", 1)])
    await api.post("/profiles/duplicate", json={"name": "Küche"})
    await api.post("/profiles/Küche/checkpoints")
    file = await api.get("/profiles/download/Küche")
    assert file.headers["content-type"] == "application/json"
    assert "K%C3%BCche" in file.headers["content-disposition"]
    taken = await api.post("/profiles/import", files={"file": ("../../whatever.JSON", file.content)})
    assert taken.json() == {
        "message": "Profile 'Küche (2)' imported successfully", "name": "Küche (2)", "filename": "profile_Küche_2.json",
        "speakers_count": 1, "segments_count": 4,
    }  # fmt: skip
    everything = await api.get("/profiles/download-all")
    assert "voice_profiles.zip" in everything.headers["content-disposition"]
    with zipfile.ZipFile(io.BytesIO(everything.content)) as archive:
        names = archive.namelist()
        assert {name.split("_")[0] for name in names} == {"profile", "checkpoint"}
        assert len(names) == 3
        assert json.loads(archive.read("profile_Küche.json")) == file.json()


async def test_a_profile_that_is_deleted_while_it_is_read_is_not_found(
    api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone(*_: object) -> None: ...

    await api.post("/profiles", json={"name": "home"})
    monkeypatch.setattr(backups, "content", gone)
    assert refusal(await api.get("/profiles/download/home")) == (404, "Profile not found")
    assert refusal(await api.get("/profiles/download-all")) == (404, "No profiles found")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("home.txt", b"{}", "Only JSON files are supported"),
        ("home.json", b"{", "Invalid JSON file"),
        ("home.json", b"[]", "Invalid profile file format"),
        ("home.json", as_bytes(legacy_file(speakers=7)), "Invalid profile file format"),
    ],
)
async def test_what_is_no_profile_is_refused(api: httpx.AsyncClient, name: str, content: bytes, says: str) -> None:
    assert refusal(await api.post("/profiles/import", files={"file": (name, content)})) == (400, says)


async def test_whom_the_running_model_cannot_recognize_is_said(api: httpx.AsyncClient) -> None:
    await api.post("/profiles/import", files={"file": ("home.json", as_bytes(legacy_file()))})
    found = (await api.get("/profiles/home")).json()
    assert (found["speakers"], found["unrecognizable"]) == (["Alice", "Bob"], ["Alice", "Bob"])
    assert "reembed" in found["note"]


async def test_a_speaker_of_another_model_is_made_known_from_recordings(
    api: httpx.AsyncClient, context: AppContext, database: Database, store: AudioStore, tmp_path: Path
) -> None:
    resolved = resolve("embedding", context.settings, gpu=False)
    stages: Any = context.recordings.stages
    object.__setattr__(stages, "embedder", LocalEmbedder(VoiceprintEngine(SpeakerEmbedding(resolved.path), resolved.name)))
    samples = decode(sample(), max_duration=60)
    kept = tmp_path / "sample.flac"
    recording.write(kept, samples)
    key = await store.put(kept, ".flac")
    async with database.session() as session:
        ada = await add_speaker(session, "Ada", 1, model="pyannote/embedding")
        nobody = await add_speaker(session, "Nobody", 2, model="pyannote/embedding")
        one = await add_talk(session, [ada])
        await session.execute(update(Conversation).where(Conversation.id == one).values(audio_key=key))
        await session.execute(update(SegmentRow).where(SegmentRow.position == 0).values(start_offset=7.0, end_offset=10.0))
        await session.execute(update(SegmentRow).where(SegmentRow.position > 0).values(overlap=True))
    for _ in range(2):  # the second call replaces the result of the first
        answer = await api.post(f"/speakers/{ada}/reembed")
        assert (answer.status_code, answer.json()["references"]) == (200, 1)
    assert answer.json()["embedding_model"] == resolved.name
    async with database.session() as session:
        made = select(VoiceprintRow.vector).where(VoiceprintRow.speaker_id == ada, VoiceprintRow.model == resolved.name)
        (vector,) = await session.scalars(made)
    expected = SpeakerEmbedding(resolved.path).embed(samples[7 * 16000 : 10 * 16000])
    assert float(np.dot(vector, expected)) > 0.99
    assert (await api.post(f"/speakers/{nobody}/reembed")).status_code == 409
    assert refusal(await api.post("/speakers/999/reembed")) == (404, "Speaker not found")
