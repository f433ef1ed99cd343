"""Single segments, as older clients correct them."""

import io
import wave
from typing import Any

import pytest

from tests.api.contract.client import MISSING_ID, UTC_TIME, Client


@pytest.mark.parametrize("how", ["json", "params"])
async def test_identify(api: Client, call: int, how: str) -> None:
    chosen, other = await api.segment_of(call, "Unknown_01"), await api.segment_of(call, "Unknown_02")
    path = f"/conversations/{call}/segments"
    fields = {"message", "speaker_id", "enrolled", "segments_updated"}
    mine = [segment["id"] for segment in await api.segments(call) if segment["speaker_name"] == "Unknown_01"]
    done = await api.ok("POST", f"{path}/{chosen['id']}/identify", fields, **{how: {"speaker_name": "Ana", "enroll": True}})
    count = len(mine)
    assert done["message"] == f"Speaker identified as Ana (initial enrollment). Updated {count} segment(s) total."
    assert (done["enrolled"], done["segments_updated"]) == (True, count)
    now = {segment["id"]: segment for segment in await api.segments(call)}
    assert {now[id_]["speaker_name"] for id_ in mine} == {"Ana"}
    assert {now[id_]["speaker_id"] for id_ in mine} == {done["speaker_id"]}
    assert now[chosen["id"]]["confidence"] == 1.0
    # A segment of an unknown speaker, identified as a named speaker: all segments of the unknown speaker change.
    moved = await api.ok("POST", f"{path}/{other['id']}/identify", fields, **{how: {"speaker_id": done["speaker_id"]}})
    assert moved["message"] == f"Speaker identified as Ana. Updated {len(now) - count} segment(s) total."
    assert {segment["speaker_name"] for segment in await api.segments(call)} == {"Ana"}


async def test_identify_one_line_of_somebody_who_has_a_name(api: Client, call: int) -> None:
    chosen = await api.segment_of(call, "Unknown_01")
    path = f"/conversations/{call}/segments/{chosen['id']}/identify"
    await api.ok("POST", path, json={"speaker_name": "Ana"})
    done = await api.ok("POST", path, json={"speaker_name": "Bo"})
    assert done["segments_updated"] == 1
    names = {segment["id"]: segment["speaker_name"] for segment in await api.segments(call)}
    assert names[chosen["id"]] == "Bo"
    assert list(names.values()).count("Bo") == 1


async def test_identify_refuses(api: Client, call: int) -> None:
    chosen = await api.segment_of(call, "Unknown_01")
    path = f"/conversations/{call}/segments"
    await api.refused(404, "POST", f"{path}/{MISSING_ID}/identify", "Segment not found", json={"speaker_name": "Ana"})
    elsewhere = f"/conversations/{MISSING_ID}/segments/{chosen['id']}/identify"
    await api.refused(404, "POST", elsewhere, "Segment not found", json={"speaker_name": "Ana"})
    mine = f"{path}/{chosen['id']}/identify"
    await api.refused(404, "POST", mine, "Speaker not found", json={"speaker_id": MISSING_ID})
    await api.refused(400, "POST", mine, "speaker_name required for new speaker", json={})
    new = {"speaker_name": "Ana", "enroll": False}
    await api.refused(400, "POST", mine, "Must enroll new speaker (enroll=True)", json=new)
    assert {segment["speaker_name"] for segment in await api.segments(call)} == {"Unknown_01", "Unknown_02"}


@pytest.mark.parametrize(
    "how",
    [
        {"params": {"corrected_emotion": "happy", "learn": True}},
        {"json": {"emotion_category": "happy"}},
        {"json": {"corrected_emotion": "happy", "learn": True}},
    ],
)
async def test_correct_emotion(api: Client, call: int, how: dict[str, Any]) -> None:
    first = (await api.segments(call))[0]
    path = f"/conversations/{call}/segments"
    fields = {"message", "old_emotion", "new_emotion", "learned", "sample_count", "speaker_name"}
    done = await api.ok("POST", f"{path}/{first['id']}/correct-emotion", fields, **how)
    assert (done["old_emotion"], done["new_emotion"]) == (first["emotion_category"], "happy")
    assert (done["learned"], done["sample_count"], done["speaker_name"]) == (True, 1, first["speaker_name"])
    now = (await api.segments(call))[0]
    assert (now["emotion_category"], now["emotion_confidence"], now["emotion_corrected"]) == ("happy", 1.0, True)
    assert UTC_TIME.fullmatch(now["emotion_corrected_at"])
    await api.refused(404, "POST", f"{path}/{MISSING_ID}/correct-emotion", "Segment not found", **how)
    await api.refused(422, "POST", f"{path}/{first['id']}/correct-emotion", params={"corrected_emotion": "jolly"})


async def test_correct_emotion_of_nobody(api: Client, call: int) -> None:
    await api.ok("DELETE", "/speakers/unknown/all")
    first = (await api.segments(call))[0]
    assert first["speaker_id"] is None
    await api.refused(
        400,
        "POST",
        f"/conversations/{call}/segments/{first['id']}/correct-emotion",
        "Cannot create emotion profile for unknown speaker. Identify speaker first.",
        params={"corrected_emotion": "happy"},
    )


async def test_misidentified(api: Client, call: int) -> None:
    first = (await api.segments(call))[0]
    path = f"/conversations/{call}/segments/{first['id']}/misidentified"
    fields = {"message", "is_misidentified", "embedding_recalculated"}
    done = await api.ok("PATCH", path, fields, json={"is_misidentified": True})
    assert (done["message"], done["is_misidentified"]) == (f"Segment {first['id']} marked as misidentified", True)
    assert (await api.segments(call))[0]["is_misidentified"]
    done = await api.ok("PATCH", path, fields, json={"is_misidentified": False})
    assert done["message"] == f"Segment {first['id']} unmarked as misidentified"
    missing = f"/conversations/{call}/segments/{MISSING_ID}/misidentified"
    await api.refused(404, "PATCH", missing, "Segment not found", json={"is_misidentified": True})
    await api.refused(422, "PATCH", path, json={})


async def test_emotion_misidentified(api: Client, call: int) -> None:
    first = (await api.segments(call))[0]
    path = f"/conversations/{call}/segments/{first['id']}"
    mark, fields = {"json": {"is_misidentified": True}}, {"message", "emotion_misidentified", "emotion_profile_recalculated"}
    sentence = "Segment has no emotion correction to mark as misidentified"
    await api.refused(400, "PATCH", f"{path}/emotion-misidentified", sentence, **mark)
    await api.ok("POST", f"{path}/correct-emotion", params={"corrected_emotion": "sad"})
    done = await api.ok("PATCH", f"{path}/emotion-misidentified", fields, **mark)
    assert (done["emotion_misidentified"], done["emotion_profile_recalculated"]) == (True, True)
    assert (await api.segments(call))[0]["emotion_misidentified"]
    missing = f"/conversations/{call}/segments/{MISSING_ID}/emotion-misidentified"
    await api.refused(404, "PATCH", missing, "Segment not found", **mark)


async def test_segment_audio(api: Client, call: int) -> None:
    first = (await api.segments(call))[0]
    answer = await api.http.get(f"/conversations/segments/{first['id']}/audio")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "audio/wav")
    assert f"segment_{first['id']}.wav" in answer.headers["content-disposition"]
    assert "no-cache" in answer.headers["cache-control"]
    with wave.open(io.BytesIO(answer.content)) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (16000, 1, 2)
        length = first["end_offset"] - first["start_offset"] + 0.25
        assert sound.getnframes() / 16000 == pytest.approx(length, abs=0.01)
    await api.refused(404, "GET", f"/conversations/segments/{MISSING_ID}/audio", "Segment not found")
