"""Speakers, as older clients request them."""

from typing import Any

import numpy as np

from media.encoding import wav_bytes
from pipeline.types import SAMPLE_RATE, Samples
from tests.api.contract.client import MISSING_ID, SPEAKER, UTC_TIME, Client, upload


def cut_out(samples: Samples, start: float, end: float) -> bytes:
    """Some seconds of the call, as a file."""
    return wav_bytes(samples[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)])


def solo(samples: Samples) -> bytes:
    """Six seconds in which only one of the two speaks."""
    return cut_out(samples, 22.0, 27.8)


async def test_list_speakers(api: Client, call: int) -> None:
    found = await api.ok("GET", "/speakers")
    assert [speaker["name"] for speaker in found] == ["Unknown_01", "Unknown_02"]
    assert all(speaker.keys() >= SPEAKER and UTC_TIME.fullmatch(speaker["created_at"]) for speaker in found)
    assert sum(speaker["segment_count"] for speaker in found) == len(await api.segments(call))


async def test_enroll(api: Client, samples: Samples) -> None:
    speaker = await api.ok("POST", "/speakers/enroll", SPEAKER, files=upload(solo(samples)), data={"name": "Chuck"})
    assert (speaker["name"], speaker["segment_count"], speaker["warning"]) == ("Chuck", 0, None)
    again = {"files": upload(solo(samples)), "data": {"name": "Chuck"}}
    await api.refused(400, "POST", "/speakers/enroll", "Speaker 'Chuck' already exists", **again)
    await api.refused(422, "POST", "/speakers/enroll", files=upload(solo(samples)))
    await api.refused(422, "POST", "/speakers/enroll", data={"name": "Nobody"})
    await api.refused(400, "POST", "/speakers/enroll", files=upload(b"no sound"), data={"name": "Nobody"})
    for start, end, reason in ((22.0, 23.2, "too short"), (0.0, 30.0, "2 people speak")):
        sample: dict[str, Any] = {"files": upload(cut_out(samples, start, end)), "data": {"name": "Nobody"}}
        assert reason in await api.refused(400, "POST", "/speakers/enroll", **sample)
    silence: dict[str, Any] = {"files": upload(wav_bytes(np.zeros(10 * SAMPLE_RATE, np.float32))), "data": {"name": "Nobody"}}
    assert "Nobody speaks" in await api.refused(400, "POST", "/speakers/enroll", **silence)
    assert [speaker["name"] for speaker in await api.ok("GET", "/speakers")] == ["Chuck"]


async def test_short_samples_are_accepted_with_a_warning_and_add_up(api: Client, samples: Samples) -> None:
    short, data = upload(cut_out(samples, 22.0, 24.4)), {"name": "Chuck"}
    speaker = await api.ok("POST", "/speakers/enroll", SPEAKER, files=short, data=data)
    assert "s of clear speech" in speaker["warning"]
    longer = await api.ok("POST", f"/speakers/{speaker['id']}/samples", SPEAKER, files=upload(solo(samples)))
    assert (longer["id"], longer["warning"]) == (speaker["id"], None)
    changes = await api.ok("GET", "/speakers/changes")
    assert [change["description"] for change in changes] == ["A sample of Chuck was added", "Chuck was enrolled"]
    await api.refused(404, "POST", f"/speakers/{MISSING_ID}/samples", "Speaker not found", files=short)


async def test_rename_speaker(api: Client, call: int) -> None:
    first, second = await api.ok("GET", "/speakers")
    renamed = await api.ok("PATCH", f"/speakers/{first['id']}/rename", SPEAKER, json={"new_name": "Ana"})
    assert (renamed["id"], renamed["name"]) == (first["id"], "Ana")
    assert {segment["speaker_name"] for segment in await api.segments(call)} == {"Ana", "Unknown_02"}
    taken = {"json": {"new_name": "Ana"}}
    await api.refused(400, "PATCH", f"/speakers/{second['id']}/rename", "Speaker 'Ana' already exists", **taken)
    await api.refused(404, "PATCH", f"/speakers/{MISSING_ID}/rename", "Speaker not found", json={"new_name": "Bo"})
    await api.refused(422, "PATCH", f"/speakers/{second['id']}/rename", json={})


async def test_delete_speaker(api: Client, call: int) -> None:
    first, _ = await api.ok("GET", "/speakers")
    await api.ok("PATCH", f"/speakers/{first['id']}/rename", json={"new_name": "Ana"})
    done = await api.ok("DELETE", f"/speakers/{first['id']}")
    assert done == {"message": "Speaker 'Ana' deleted successfully"}
    segments = await api.segments(call)
    assert {segment["speaker_id"] for segment in segments} > {None}
    assert "Ana" not in {segment["speaker_name"] for segment in segments}
    await api.refused(404, "DELETE", f"/speakers/{first['id']}", "Speaker not found")


async def test_delete_unknown_speakers(api: Client, call: int) -> None:
    named = await api.segment_of(call, "Unknown_02")
    await api.ok("POST", f"/conversations/{call}/segments/{named['id']}/identify", json={"speaker_name": "Bo"})
    done = await api.ok("DELETE", "/speakers/unknown/all", {"message", "deleted_count"})
    assert (done["message"], done["deleted_count"]) == ("Deleted 1 unknown speakers", 1)
    assert [speaker["name"] for speaker in await api.ok("GET", "/speakers")] == ["Bo"]
    assert (await api.ok("DELETE", "/speakers/unknown/all"))["deleted_count"] == 0
