"""The routes of emotions, on a real database."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from settings import Settings
from storage.postgres.database import Database
from tests.storage.talks import keep, speaker_of
from tests.support.application import answering, connected, no_stages

NINE = ("angry", "disgusted", "fearful", "happy", "neutral", "other", "sad", "surprised", "unknown")
BOTH = ("/conversations/speakers", "/speakers")


@pytest.fixture
async def api(database: Database, database_url: str, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        connected(Settings(), database_url, tmp_path, no_stages(), "wespeaker-resnet34") as context,
        answering(context) as application,
    ):
        yield application.client


@pytest.mark.parametrize(
    "how",
    [
        {"params": {"corrected_emotion": "happy"}},
        {"params": {"corrected_emotion": "happy", "learn": "true"}},
        {"json": {"emotion_category": "happy"}},
        {"json": {"corrected_emotion": "happy", "learn": True}},
    ],
)
async def test_an_emotion_is_corrected_in_any_spelling(api: httpx.AsyncClient, database: Database, how: dict[str, Any]) -> None:
    conversation, (segment,) = await keep(database, [1])
    answer = await api.post(f"/conversations/{conversation}/segments/{segment}/correct-emotion", **how)
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "message": "Emotion corrected to 'happy'",
            "old_emotion": "sad",
            "new_emotion": "happy",
            "learned": True,
            "sample_count": 1,
            "speaker_name": "Unknown_01",
        },
    )
    (line,) = (await api.get(f"/conversations/{conversation}")).json()["transcript_segments"]
    assert (line["emotion_category"], line["emotion_confidence"], line["emotion_corrected"]) == ("happy", 1.0, True)


@pytest.mark.parametrize("how", [{"params": {"learn": False}}, {"json": {"emotion_category": "happy", "learn": False}}])
async def test_a_correction_need_not_be_learned(api: httpx.AsyncClient, database: Database, how: dict[str, Any]) -> None:
    conversation, (segment,) = await keep(database, [1])
    how = how if "json" in how else {"params": {**how["params"], "corrected_emotion": "<unk>"}}
    answer = (await api.post(f"/conversations/{conversation}/segments/{segment}/correct-emotion", **how)).json()
    assert (answer["learned"], answer["sample_count"]) == (False, 0)
    assert answer["new_emotion"] == ("happy" if "json" in how else "unknown")
    speaker = await speaker_of(database, segment)
    assert (await api.get(f"/speakers/{speaker}/emotion-profiles")).json()["profiles"] == []


@pytest.mark.parametrize("how", [{"params": {"corrected_emotion": "joy"}}, {"json": {"emotion_category": "joy"}}, {}])
async def test_an_emotion_that_is_none_is_refused_with_those_that_are(
    api: httpx.AsyncClient, database: Database, how: dict[str, Any]
) -> None:
    conversation, (segment,) = await keep(database, [1])
    answer = await api.post(f"/conversations/{conversation}/segments/{segment}/correct-emotion", **how)
    assert answer.status_code == 422
    assert ", ".join(NINE) in answer.json()["detail"][0]["msg"]


async def test_what_cannot_be_corrected(api: httpx.AsyncClient, database: Database) -> None:
    conversation, (segment,) = await keep(database, [1], known=False)
    how: dict[str, Any] = {"params": {"corrected_emotion": "happy"}}
    answer = await api.post(f"/conversations/{conversation}/segments/{segment}/correct-emotion", **how)
    sentence = "Cannot create emotion profile for unknown speaker. Identify speaker first."
    assert (answer.status_code, answer.json()) == (400, {"detail": sentence})
    for path in (f"{conversation}/segments/{segment + 1}", f"{conversation + 1}/segments/{segment}"):
        answer = await api.post(f"/conversations/{path}/correct-emotion", **how)
        assert (answer.status_code, answer.json()) == (404, {"detail": "Segment not found"})


async def test_a_correction_is_marked_and_unmarked_as_wrong(api: httpx.AsyncClient, database: Database) -> None:
    conversation, (segment,) = await keep(database, [1])
    path = f"/conversations/{conversation}/segments/{segment}"
    answer = await api.patch(f"{path}/emotion-misidentified", json={"is_misidentified": True})
    assert answer.status_code == 400
    assert answer.json() == {"detail": "Segment has no emotion correction to mark as misidentified"}
    await api.post(f"{path}/correct-emotion", params={"corrected_emotion": "happy"})
    speaker = await speaker_of(database, segment)
    for marked in (True, False):
        answer = await api.patch(f"{path}/emotion-misidentified", json={"is_misidentified": marked})
        assert answer.status_code == 200
        done = answer.json()
        assert (done["emotion_misidentified"], done["emotion_profile_recalculated"]) == (marked, True)
        assert ("unmarked" in done["message"]) is not marked
        profiles = (await api.get(f"/speakers/{speaker}/emotion-profiles")).json()["profiles"]
        assert len(profiles) == (0 if marked else 1)
    answer = await api.patch(
        f"/conversations/{conversation}/segments/999/emotion-misidentified", json={"is_misidentified": True}
    )
    assert (answer.status_code, answer.json()) == (404, {"detail": "Segment not found"})


@pytest.mark.parametrize("prefix", BOTH)
async def test_profiles_are_listed_and_reset(api: httpx.AsyncClient, database: Database, prefix: str) -> None:
    conversation, segments = await keep(database, [1, 1, 2, 3])
    for segment, emotion in zip(segments, ("happy", "happy", "angry", "sad"), strict=True):
        path = f"/conversations/{conversation}/segments/{segment}/correct-emotion"
        await api.post(path, params={"corrected_emotion": emotion})
    path = f"{prefix}/{await speaker_of(database, segments[0])}/emotion-profiles"
    found = (await api.get(path)).json()
    assert (found["speaker_name"], found["emotion_threshold"]) == ("Unknown_01", None)
    assert [profile["emotion_category"] for profile in found["profiles"]] == ["angry", "happy", "sad"]
    happy = found["profiles"][1]
    assert happy.keys() == {
        *("emotion_category", "sample_count", "voice_sample_count", "confidence_threshold", "voice_threshold"),
        *("created_at", "updated_at"),
    }
    assert (happy["sample_count"], happy["voice_sample_count"]) == (2, 2)

    one = await api.delete(path, params={"emotion_category": "happy"})
    assert one.json() == {
        "message": "Reset emotion profile 'happy' for speaker 'Unknown_01'",
        "speaker_name": "Unknown_01",
        "emotion_category": "happy",
        "deleted": 1,
    }
    again = await api.delete(path, params={"emotion_category": "happy"})
    assert again.status_code == 404
    assert again.json()["detail"].startswith("Emotion profile 'happy' not found for speaker 'Unknown_01'.")
    message = "Reset all emotion profiles for speaker 'Unknown_01'"
    assert (await api.delete(path)).json() == {"message": message, "speaker_name": "Unknown_01", "deleted": 2}
    assert (await api.get(path)).json()["profiles"] == []
    assert (await api.get(f"/conversations/{conversation}")).json()["segments"][0]["emotion_category"] == "happy"


@pytest.mark.parametrize("prefix", BOTH)
async def test_thresholds(api: httpx.AsyncClient, database: Database, prefix: str) -> None:
    conversation, (segment,) = await keep(database, [1])
    await api.post(f"/conversations/{conversation}/segments/{segment}/correct-emotion", params={"corrected_emotion": "happy"})
    speaker = f"{prefix}/{await speaker_of(database, segment)}"
    unset = {"speaker_name": "Unknown_01", "custom_threshold": None, "effective_threshold": 0.6, "using_global": True}
    assert (await api.get(f"{speaker}/emotion-threshold")).json().items() >= unset.items()
    await api.post("/settings/voice", json={"emotion_threshold": 0.7})
    answer = (await api.patch(f"{speaker}/emotion-threshold", params={"threshold": 0.5})).json()
    own = {"custom_threshold": 0.5, "effective_threshold": 0.5, "using_global": False}
    assert answer == {"message": "Updated emotion threshold for 'Unknown_01'", "speaker_name": "Unknown_01", **own}
    assert (await api.get(f"{speaker}/emotion-threshold")).json().items() >= own.items()
    answer = (await api.patch(f"{speaker}/emotion-threshold")).json()
    assert (answer["custom_threshold"], answer["effective_threshold"], answer["using_global"]) == (None, 0.7, True)

    for kind, threshold in (("threshold", 0.9), ("voice-threshold", 0.1)):
        answer = (await api.patch(f"{speaker}/emotion-profiles/happy/{kind}", params={"threshold": threshold})).json()
        assert (answer["speaker_name"], answer["emotion_category"], answer["threshold"]) == ("Unknown_01", "happy", threshold)
    (happy,) = (await api.get(f"{speaker}/emotion-profiles")).json()["profiles"]
    assert (happy["confidence_threshold"], happy["voice_threshold"]) == (0.9, 0.1)
    assert (await api.patch(f"{speaker}/emotion-profiles/happy/threshold")).json()["threshold"] is None

    missing = await api.patch(f"{speaker}/emotion-profiles/sad/threshold", params={"threshold": 0.9})
    sentence = "Emotion profile 'sad' not found for speaker 'Unknown_01'. Create it by correcting an emotion first."
    assert (missing.status_code, missing.json()) == (404, {"detail": sentence})
    for path, threshold in (("emotion-threshold", 0.2), ("emotion-profiles/happy/threshold", 1.1)):
        assert (await api.patch(f"{speaker}/{path}", params={"threshold": threshold})).status_code == 422
    assert (await api.patch(f"{speaker}/emotion-profiles/joy/threshold")).status_code == 422


@pytest.mark.parametrize("prefix", BOTH)
async def test_speakers_who_are_not_there(api: httpx.AsyncClient, prefix: str) -> None:
    for method, path in (
        *(("GET", "emotion-profiles"), ("DELETE", "emotion-profiles"), ("GET", "emotion-threshold")),
        *(("PATCH", "emotion-threshold"), ("PATCH", "emotion-profiles/happy/threshold")),
        ("PATCH", "emotion-profiles/happy/voice-threshold"),
    ):
        answer = await api.request(method, f"{prefix}/7/{path}")
        assert (answer.status_code, answer.json()) == (404, {"detail": "Speaker not found"}), path


async def test_a_conversation_is_heard_again_with_what_was_learned(api: httpx.AsyncClient, database: Database) -> None:
    conversation, segments = await keep(database, [1, 1, 1, 1, 2])
    for segment in segments[:3]:
        path = f"/conversations/{conversation}/segments/{segment}/correct-emotion"
        await api.post(path, params={"corrected_emotion": "happy"})
    answer = await api.post(f"/conversations/{conversation}/recalculate-emotions")
    assert answer.json() == {"message": "Emotions recalculated", "updated": 2, "skipped": 3, "total": 5}
    lines = (await api.get(f"/conversations/{conversation}")).json()["transcript_segments"]
    assert [line["emotion_category"] for line in lines] == ["happy"] * 4 + ["sad"]
    assert [line["detector_breakdown"] is None for line in lines] == [True, True, True, False, False]
    assert lines[3]["detector_breakdown"].keys() == {"emotion2vec_detector", "voice_profile_detector", "final_decision"}
    missing = await api.post(f"/conversations/{conversation + 1}/recalculate-emotions")
    assert (missing.status_code, missing.json()) == (404, {"detail": "Conversation not found"})
