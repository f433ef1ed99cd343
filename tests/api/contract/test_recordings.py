"""Recordings and conversations, as older clients request them."""

from pathlib import Path

from storage.conversations import conversations
from tests.api.contract.client import EMOTIONS, LISTED, MISSING_ID, SEGMENT, UTC_TIME, WORD, Client, upload
from tests.support.application import Application
from vivavoce.sample import recording as telephone_call


async def test_status(api: Client) -> None:
    found = await api.ok("GET", "/status", {"status", "message", "gpu_available", "device"})
    assert (found["status"], found["message"]) == ("online", "Speaker diarization service is running")
    assert isinstance(found["gpu_available"], bool)
    root = (await api.http.get("http://localhost/")).json()
    assert {"message", "docs", "api"} <= root.keys()
    assert (root["docs"], root["api"]) == ("/docs", "/api/v1")
    assert (await api.http.get("http://localhost/docs")).status_code == 200
    assert "/api/v1/process" in (await api.http.get("http://localhost/openapi.json")).json()["paths"]


async def test_process(api: Client) -> None:
    answer = await api.ok(
        "POST",
        "/process",
        LISTED | {"transcript_segments"},
        files=upload(telephone_call().read_bytes(), "../../call.wav"),
        data={"enable_transcription": "true"},
    )
    assert (answer["title"], answer["status"], answer["num_speakers"]) == ("Uploaded: call.wav", "completed", 2)
    assert answer["num_segments"] == len(answer["transcript_segments"]) > 3
    assert answer["segments"] == answer["transcript_segments"]
    for segment in answer["transcript_segments"]:
        assert segment.keys() >= SEGMENT
        assert segment["conversation_id"] == answer["id"]
        assert UTC_TIME.fullmatch(segment["start_time"])
        assert 0 <= segment["start_offset"] <= segment["end_offset"] <= 31
        assert segment["emotion_category"] in EMOTIONS
        assert 0 <= segment["emotion_confidence"] <= 1
        assert all(word.keys() >= WORD for word in segment["words"])
        assert segment["speaker_name"].startswith("Unknown_")
        assert not any(segment[mark] for mark in ("emotion_corrected", "emotion_misidentified", "is_misidentified"))
    assert "originally from Chicago" in " ".join(segment["text"] for segment in answer["transcript_segments"])
    assert await api.ok("GET", f"/conversations/{answer['id']}") == answer


async def test_process_refuses(api: Client) -> None:
    assert "damaged" in await api.refused(400, "POST", "/process", files=upload(b"This is not a song. " * 100, "song.mp3"))
    await api.refused(422, "POST", "/process")
    await api.refused(422, "POST", "/process", files=upload(b"x"), data={"num_speakers": "0"})
    await api.refused(422, "POST", "/process", files=upload(b"x"), data={"language": "klingon"})
    assert (await api.ok("GET", "/conversations"))["total"] == 0


async def test_list_conversations(api: Client, call: int) -> None:
    page = await api.ok("GET", "/conversations", {"conversations", "total", "skip", "limit"})
    assert (page["total"], page["skip"], page["limit"]) == (1, 0, 100)
    (listed,) = page["conversations"]
    assert listed.keys() >= LISTED
    assert (listed["id"], listed["status"]) == (call, "completed")
    assert UTC_TIME.fullmatch(listed["start_time"])
    assert UTC_TIME.fullmatch(listed["end_time"])
    assert (await api.ok("GET", "/conversations", params={"status": "failed"}))["total"] == 0
    assert (await api.ok("GET", "/conversations", params={"skip": 1, "limit": 1}))["conversations"] == []
    await api.refused(422, "GET", "/conversations", params={"skip": -1})


async def test_get_conversation(api: Client, call: int) -> None:
    found = await api.ok("GET", f"/conversations/{call}", LISTED | {"transcript_segments", "segments"})
    assert all(segment.keys() >= SEGMENT for segment in found["transcript_segments"])
    await api.refused(404, "GET", f"/conversations/{MISSING_ID}", "Conversation not found")
    await api.refused(422, "GET", "/conversations/first")


async def test_update_conversation(api: Client, call: int) -> None:
    changed = await api.ok("PATCH", f"/conversations/{call}", LISTED, json={"title": "A call"})
    assert changed["title"] == "A call"
    assert (await api.ok("PATCH", f"/conversations/{call}", json={}))["title"] == "A call"
    assert (await api.ok("GET", f"/conversations/{call}"))["title"] == "A call"
    await api.refused(404, "PATCH", f"/conversations/{MISSING_ID}", "Conversation not found", json={"title": "x"})
    await api.refused(404, "PATCH", f"/conversations/{MISSING_ID}", "Conversation not found", json={})
    await api.refused(422, "PATCH", f"/conversations/{call}", json={"title": "x", "duration": 7})
    await api.refused(422, "PATCH", f"/conversations/{call}", json={"status": "completed"})


async def recording_of(application: Application, conversation: int) -> str:
    """Its file."""
    async with application.context.database.session() as session:
        return await conversations.lock_recording(session, conversation)


async def test_delete_conversation(api: Client, call: int, application: Application, tmp_path: Path) -> None:
    async with application.context.database.session() as session:
        active = await conversations.create(session, "Live", None, "flac", status="recording")
    sentence = "Cannot delete an active conversation; stop/finalize it first"
    await api.refused(409, "DELETE", f"/conversations/{active}", sentence)
    kept = tmp_path / await recording_of(application, call)
    assert kept.exists()
    done = await api.ok("DELETE", f"/conversations/{call}", {"message", "cleanup_warnings"})
    assert done == {"message": f"Conversation {call} deleted", "cleanup_warnings": []}
    assert not kept.exists()
    assert await api.ok("GET", "/speakers") == []
    await api.refused(404, "DELETE", f"/conversations/{call}", "Conversation not found")
    await api.refused(404, "GET", f"/conversations/{call}", "Conversation not found")


async def test_reprocess(api: Client, call: int) -> None:
    before = await api.segments(call)
    named = await api.segment_of(call, "Unknown_01")
    await api.ok("POST", f"/conversations/{call}/segments/{named['id']}/identify", json={"speaker_name": "Ana"})
    done = await api.ok("POST", f"/conversations/{call}/reprocess", {"message", "segments"})
    after = await api.segments(call)
    assert done == {"message": "Conversation reprocessed", "segments": len(after)}
    assert {segment["id"] for segment in before}.isdisjoint(segment["id"] for segment in after)
    assert {segment["speaker_name"] for segment in after} == {"Ana", "Unknown_02"}
    assert {segment["speaker_name"] for segment in after if segment["confidence"] == 1.0} == {"Ana"}


async def test_reprocess_refuses(api: Client, call: int, application: Application) -> None:
    async with application.context.database.session() as session:
        active = await conversations.create(session, "Busy", "0" * 32 + ".flac", "flac")
        silent = await conversations.create(session, "No recording", None, "flac", status="completed")
        lost = await conversations.create(session, "Lost", "0" * 32 + ".flac", "flac", status="completed")
    await api.refused(404, "POST", f"/conversations/{MISSING_ID}/reprocess", "Conversation not found")
    await api.refused(409, "POST", f"/conversations/{active}/reprocess", "Conversation is already active")
    for id_ in (silent, lost):
        await api.refused(404, "POST", f"/conversations/{id_}/reprocess", "Audio file not found")
        assert (await api.ok("GET", f"/conversations/{id_}"))["status"] == "completed"
    await api.refused(422, "POST", f"/conversations/{call}/reprocess", params={"min_speakers": 3, "max_speakers": 2})


async def test_recalculate_emotions(api: Client, call: int) -> None:
    first = (await api.segments(call))[0]
    correct = f"/conversations/{call}/segments/{first['id']}/correct-emotion"
    await api.ok("POST", correct, params={"corrected_emotion": "sad"})
    done = await api.ok("POST", f"/conversations/{call}/recalculate-emotions", {"message", "updated", "skipped", "total"})
    assert done["message"] == "Emotions recalculated"
    assert done["updated"] + done["skipped"] == done["total"] == len(await api.segments(call))
    assert done["skipped"] >= 1
    assert (await api.segments(call))[0]["emotion_category"] == "sad"
    await api.refused(404, "POST", f"/conversations/{MISSING_ID}/recalculate-emotions", "Conversation not found")
