"""The routes of speakers and identification, on a real database."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile

from media import recording
from pipeline.types import SAMPLE_RATE
from services.identity import transcripts
from settings import Settings
from storage.audio import AudioStore
from storage.conversations import conversations
from storage.postgres.database import Database
from tests.storage.people import talk
from tests.storage.transcripts import MODEL, RULES, near, voice
from tests.support.application import answering, connected, no_stages


@pytest.fixture
def store(tmp_path: Path) -> AudioStore:
    return AudioStore(str(tmp_path / "audio"))


@pytest.fixture
async def api(database: Database, database_url: str, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    settings = Settings(speaker_threshold=RULES.voice.speaker_threshold)
    async with (
        connected(settings, database_url, tmp_path / "audio", no_stages(), MODEL) as context,
        answering(context) as application,
    ):
        yield application.client


async def keep(database: Database, *seeds: int, audio_key: str | None = None) -> int:
    async with database.session() as session:
        id_ = await conversations.create(session, "A talk", audio_key, "flac")
        await transcripts.save(session, id_, talk([voice(seed) for seed in seeds]), RULES)
    return id_


async def segments(api: httpx.AsyncClient, conversation: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await api.get(f"/conversations/{conversation}")).json()["segments"]
    return found


async def identify(api: httpx.AsyncClient, conversation: int, line: int, how: str = "identify", **body: Any) -> httpx.Response:
    segment = (await segments(api, conversation))[line]["id"]
    return await send(api, "POST", f"/conversations/{conversation}/segments/{segment}/{how}", body)


async def send(api: httpx.AsyncClient, method: str, path: str, body: Any) -> httpx.Response:
    """As ASCII: httpx itself does not send lone surrogates."""
    return await api.request(method, path, content=json.dumps(body), headers={"Content-Type": "application/json"})


async def test_identify_answers_as_clients_know_it(api: httpx.AsyncClient, database: Database) -> None:
    conversation = await keep(database, 1, 2)
    first = await identify(api, conversation, 0, speaker_name="  Ada ")
    assert first.status_code == 200
    assert first.json() == {
        "message": "Speaker identified as Ada (initial enrollment). Updated 2 segment(s) total.",
        "speaker_id": 1,
        "speaker_name": "Ada",
        "enrolled": True,
        "segments_updated": 2,
    }
    second = (await identify(api, conversation, 1, speaker_id=1, enroll=True)).json()
    assert second["message"] == "Speaker identified as Ada. Updated 2 segment(s) total."
    assert {line["speaker_name"] for line in await segments(api, conversation)} == {"Ada"}


async def test_identify_takes_a_query_too(api: httpx.AsyncClient, database: Database) -> None:
    conversation = await keep(database, 1)
    segment = (await segments(api, conversation))[0]["id"]
    path = f"/conversations/{conversation}/segments/{segment}/identify"
    refused = await api.post(path, params={"speaker_name": "Ada", "enroll": "false"})
    assert (refused.status_code, refused.json()) == (400, {"detail": "Must enroll new speaker (enroll=True)"})
    answer = await api.post(path, params={"speaker_name": "Ada", "enroll": "true"})
    assert (answer.status_code, answer.json()["speaker_name"]) == (200, "Ada")


@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        ({}, 400, "speaker_name required for new speaker"),
        ({"speaker_name": "   "}, 400, "speaker_name required for new speaker"),
        ({"speaker_name": "Ada", "enroll": False}, 400, "Must enroll new speaker (enroll=True)"),
        ({"speaker_id": 77}, 404, "Speaker not found"),
    ],
)
async def test_identify_refuses(
    api: httpx.AsyncClient, database: Database, body: dict[str, Any], status: int, detail: str
) -> None:
    conversation = await keep(database, 1)
    answer = await identify(api, conversation, 0, **body)
    assert (answer.status_code, answer.json()) == (status, {"detail": detail})
    missing = await api.post(f"/conversations/{conversation}/segments/999/identify", json=body | {"speaker_name": "Ada"})
    assert (missing.status_code, missing.json()["detail"]) == (404, "Segment not found")


@pytest.mark.parametrize("name", ["a\0b", "\ud800", "x" * 201, "tab\there"])
async def test_names_that_no_database_or_page_can_hold_are_refused(
    api: httpx.AsyncClient, database: Database, name: str
) -> None:
    conversation = await keep(database, 1)
    assert (await identify(api, conversation, 0, speaker_name=name)).status_code == 422
    assert (await send(api, "PATCH", "/speakers/1/rename", {"new_name": name})).status_code == 422


async def test_reassign_moves_one_line(api: httpx.AsyncClient, database: Database) -> None:
    conversation = await keep(database, 1)
    assert (await identify(api, conversation, 1, how="reassign", speaker_name="Ada")).json()["segments_updated"] == 1
    assert [line["speaker_name"] for line in await segments(api, conversation)] == ["Unknown_01", "Ada", *["Unknown_01"] * 2]


async def test_misidentified(api: httpx.AsyncClient, database: Database) -> None:
    conversation = await keep(database, 1)
    segment = (await segments(api, conversation))[0]["id"]
    path = f"/conversations/{conversation}/segments/{segment}/misidentified"
    marked = (await api.patch(path, json={"is_misidentified": True})).json()
    expected = {"message": f"Segment {segment} marked as misidentified", "is_misidentified": True}
    assert marked == expected | {"embedding_recalculated": False}
    assert (await segments(api, conversation))[0]["is_misidentified"]
    unmarked = (await api.patch(path, json={"is_misidentified": False})).json()
    assert unmarked["message"] == f"Segment {segment} unmarked as misidentified"
    missing = await api.patch(f"/conversations/{conversation}/segments/999/misidentified", json={"is_misidentified": True})
    assert (missing.status_code, missing.json()["detail"]) == (404, "Segment not found")


async def test_speakers_are_listed_renamed_merged_and_deleted(api: httpx.AsyncClient, database: Database) -> None:
    await keep(database, 1, 2)
    await keep(database, 3)
    found = (await api.get("/speakers")).json()
    assert [(s["id"], s["name"], s["segment_count"]) for s in found] == [
        (1, "Unknown_01", 2),
        (2, "Unknown_02", 2),
        (3, "Unknown_03", 4),
    ]
    assert found[0].keys() == {"id", "name", "created_at", "updated_at", "segment_count"}
    assert found[0]["created_at"].endswith("Z")

    renamed = await api.patch("/speakers/1/rename", json={"new_name": "Ada"})
    assert (renamed.status_code, renamed.json()["name"], renamed.json()["segment_count"]) == (200, "Ada", 2)
    taken = await api.patch("/speakers/2/rename", json={"new_name": "Ada"})
    assert (taken.status_code, taken.json()) == (400, {"detail": "Speaker 'Ada' already exists"})

    merged = await api.post("/speakers/3/merge", json={"into": 1})
    assert (merged.status_code, merged.json()["name"], merged.json()["segment_count"]) == (200, "Ada", 6)
    itself = await api.post("/speakers/1/merge", json={"into": 1})
    assert (itself.status_code, "itself" in itself.json()["detail"]) == (400, True)

    gone = await api.delete("/speakers/unknown/all")
    assert gone.json() == {"message": "Deleted 1 unknown speakers", "deleted_count": 1, "deleted_speakers": ["Unknown_02"]}
    deleted = await api.delete("/speakers/1")
    assert deleted.json() == {"message": "Speaker 'Ada' deleted successfully"}
    assert (await api.get("/speakers")).json() == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/speakers/9", None),
        ("GET", "/speakers/9/audio", None),
        ("PATCH", "/speakers/9/rename", {"new_name": "Ada"}),
        ("POST", "/speakers/9/merge", {"into": 8}),
        ("DELETE", "/speakers/9", None),
    ],
)
async def test_who_is_not_there_is_a_404(api: httpx.AsyncClient, method: str, path: str, body: Any) -> None:
    answer = await api.request(method, path, json=body)
    assert (answer.status_code, answer.json()) == (404, {"detail": "Speaker not found"})


async def test_lines_of_a_deleted_speaker_have_a_local_name(api: httpx.AsyncClient, database: Database) -> None:
    conversation = await keep(database, 1)
    await api.delete("/speakers/1")
    assert {(line["speaker_id"], line["speaker_name"]) for line in await segments(api, conversation)} == {(None, "Unknown_A")}


async def test_a_deleted_speaker_is_named_by_conversation_and_undo_brings_the_name_back(
    api: httpx.AsyncClient, database: Database
) -> None:
    """Identifying a line of the deleted speaker names that voice in its conversation; the other conversations stay."""
    first, second = await keep(database, 1), await keep(database, 1)
    assert (await identify(api, first, 0, speaker_name="Ada")).json()["segments_updated"] == 8
    await api.delete("/speakers/1")

    async def shown() -> list[set[str]]:
        return [{line["speaker_name"] for line in await segments(api, id_)} for id_ in (first, second)]

    assert await shown() == [{"Unknown_A"}, {"Unknown_A"}]
    one = (await identify(api, first, 0, how="reassign", speaker_name="Cleo")).json()
    assert one["segments_updated"] == 1
    assert (await api.post("/speakers/undo")).status_code == 200
    found = (await identify(api, first, 0, speaker_name="Bo")).json()
    assert (found["speaker_name"], found["segments_updated"]) == ("Bo", 4)
    assert await shown() == [{"Bo"}, {"Unknown_A"}]
    for _ in range(2):
        assert (await api.post("/speakers/undo")).status_code == 200
    assert await shown() == [{"Ada"}, {"Ada"}]
    assert [one["name"] for one in (await api.get("/speakers")).json()] == ["Ada"]


async def test_only_the_expected_change_is_undone(api: httpx.AsyncClient, database: Database) -> None:
    conversation = await keep(database, 1)
    named = (await identify(api, conversation, 0, speaker_name="Ada")).json()["speaker_id"]
    assert (await api.patch(f"/speakers/{named}/rename", json={"new_name": "Ada L."})).status_code == 200
    last, before = (await api.get("/speakers/changes")).json()
    refused = await api.post("/speakers/undo", params={"change": before["id"]})
    assert refused.status_code == 409
    assert refused.json()["detail"].startswith("Speakers were changed since: undo that first")
    for change, name in ((last, "Ada"), (before, "Unknown_01")):
        undone = await api.post("/speakers/undo", params={"change": change["id"]})
        assert (undone.status_code, undone.json()["id"]) == (200, change["id"])
        assert {line["speaker_name"] for line in await segments(api, conversation)} == {name}


async def test_the_last_change_is_undone(api: httpx.AsyncClient, database: Database) -> None:
    nothing = await api.post("/speakers/undo")
    assert (nothing.status_code, "no change" in nothing.json()["detail"]) == (409, True)
    conversation = await keep(database, 1)
    await identify(api, conversation, 0, speaker_name="Ada")
    (change,) = (await api.get("/speakers/changes")).json()
    assert (change["description"], change["undone_at"]) == ("A line of Unknown_01 was identified as Ada", None)
    undone = await api.post("/speakers/undo")
    assert (undone.status_code, undone.json()["id"]) == (200, change["id"])
    assert undone.json()["undone_at"] is not None
    assert {line["speaker_name"] for line in await segments(api, conversation)} == {"Unknown_01"}


async def test_suggestions_name_both(api: httpx.AsyncClient, database: Database) -> None:
    await keep(database, 1)
    async with database.session() as session:
        id_ = await conversations.create(session, "A talk", None, "flac")
        await transcripts.save(session, id_, talk([near(voice(1), 0.45)]), RULES)
    (pair,) = (await api.get("/speakers/suggestions")).json()
    assert (pair["speaker_name"], pair["other_name"]) == ("Unknown_02", "Unknown_01")
    assert pair["similarity"] == pytest.approx(0.45, abs=1e-3)


async def test_a_speaker_can_be_heard(api: httpx.AsyncClient, database: Database, store: AudioStore, tmp_path: Path) -> None:
    sound = np.sin(np.arange(15 * SAMPLE_RATE) / 20).astype(np.float32) / np.float32(2)
    await asyncio.to_thread(recording.write, tmp_path / "kept.flac", sound)
    await keep(database, 1, audio_key=await store.put(tmp_path / "kept.flac", ".flac"))
    answer = await api.get("/speakers/1/audio")
    assert answer.headers["content-type"] == "audio/wav"
    (tmp_path / "heard.wav").write_bytes(answer.content)
    heard, rate = soundfile.read(tmp_path / "heard.wav", dtype="float32")
    assert (rate, len(heard)) == (SAMPLE_RATE, 3 * SAMPLE_RATE)
    np.testing.assert_allclose(heard, sound[: 3 * SAMPLE_RATE], atol=1e-3)


async def test_a_speaker_whose_recordings_are_gone_cannot(api: httpx.AsyncClient, database: Database) -> None:
    await keep(database, 1)
    answer = await api.get("/speakers/1/audio")
    assert (answer.status_code, answer.json()) == (404, {"detail": "No recording of this speaker is kept"})


async def test_enrolling_needs_a_free_name_and_a_sound(api: httpx.AsyncClient, database: Database) -> None:
    await keep(database, 1)
    files = {"audio_file": ("sample.wav", b"no sound at all")}
    taken = await api.post("/speakers/enroll", data={"name": "Unknown_01"}, files=files)
    assert (taken.status_code, taken.json()) == (400, {"detail": "Speaker 'Unknown_01' already exists"})
    broken = await api.post("/speakers/enroll", data={"name": "Ada"}, files=files)
    assert (broken.status_code, "damaged" in broken.json()["detail"]) == (400, True)
    nameless = await api.post("/speakers/enroll", data={"name": "  "}, files=files)
    assert nameless.status_code == 422


async def test_the_overview_has_speech_feelings_and_samples(api: httpx.AsyncClient, database: Database) -> None:
    conversation = await keep(database, 1, 2)
    await identify(api, conversation, 0, speaker_name="Ada")
    whole = {one["speaker_id"]: one for one in (await api.get("/speakers/overview")).json()}
    own = [one for one in await segments(api, conversation) if one["speaker_id"] == 1]
    length = sum(one["end_offset"] - one["start_offset"] for one in own)
    feelings: dict[str, float] = {}
    for one in own:
        if one["emotion_category"] is not None:
            feelings.setdefault(one["emotion_category"], 0.0)
            feelings[one["emotion_category"]] += one["end_offset"] - one["start_offset"]
    assert set(whole) == {1, 2}
    assert whole[1]["seconds"] == pytest.approx(length)
    assert whole[1]["emotions"] == pytest.approx(feelings)
    assert whole[1]["conversations"] == 1
    assert whole[1]["last_heard"] == (await api.get(f"/conversations/{conversation}")).json()["start_time"]


async def test_samples_are_of_different_conversations_first(api: httpx.AsyncClient, database: Database) -> None:
    kept = [await keep(database, 1, audio_key="one.flac"), await keep(database, 1, audio_key="two.flac")]
    await keep(database, 1)  # without a recording
    found = (await api.get("/speakers/1/samples", params={"limit": 2})).json()
    assert {one["conversation_id"] for one in found} == set(kept)
    assert {one["segment_id"] for one in found} <= {one["id"] for id_ in kept for one in await segments(api, id_)}
    assert (await api.get("/speakers/7/samples")).status_code == 404


async def test_two_speakers_are_said_to_differ(api: httpx.AsyncClient, database: Database) -> None:
    await keep(database, 1, 2)
    assert (await api.put("/speakers/1/distinct/2")).status_code == 204
    assert (await api.put("/speakers/2/distinct/1")).status_code == 204
    assert (await api.put("/speakers/1/distinct/1")).status_code == 400
    assert (await api.put("/speakers/1/distinct/9")).status_code == 404
    assert (await api.delete("/speakers/2/distinct/1")).status_code == 204
    entries = (await api.get("/audit")).json()["entries"]
    actions = [one["action"] for one in entries if one["action"].startswith("speaker.")]
    assert actions == ["speaker.not_distinct", "speaker.distinct", "speaker.distinct"]
