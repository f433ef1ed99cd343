"""Profiles, as older clients keep and exchange them."""

import io
import json
import re
import zipfile
from typing import Any

from tests.api.contract.client import CHANGED_PROFILE, CHECKPOINT, LISTED_PROFILE, RESTORED, VOICE_SETTINGS, Client


async def test_create_profile(api: Client, call: int) -> None:
    body = {"name": "home", "description": "Ours"}
    done = await api.ok("POST", "/profiles", CHANGED_PROFILE, json=body)
    assert done["message"] == "Empty profile 'home' created successfully"
    assert (done["name"], done["description"], done["filename"]) == ("home", "Ours", "profile_home.json")
    assert (done["speakers_count"], done["segments_count"]) == (0, 0)
    assert re.fullmatch(r"\d{8}_\d{6}", done["timestamp"])
    await api.refused(409, "POST", "/profiles", json=body)
    await api.refused(422, "POST", "/profiles", json={})


async def test_duplicate_profile(api: Client, call: int) -> None:
    done = await api.ok("POST", "/profiles/duplicate", CHANGED_PROFILE, json={"name": "now"})
    assert (done["speakers_count"], done["segments_count"]) == (2, len(await api.segments(call)))
    await api.refused(409, "POST", "/profiles/duplicate", json={"name": "now"})


async def test_update_profile(api: Client, call: int) -> None:
    await api.ok("POST", "/profiles", json={"name": "home"})
    done = await api.ok("PATCH", "/profiles/home", CHANGED_PROFILE, json={"description": "Filled"})
    assert (done["description"], done["speakers_count"]) == ("Filled", 2)
    await api.refused(404, "PATCH", "/profiles/away", "Profile 'away' not found", json={})


async def test_list_profiles(api: Client, call: int) -> None:
    assert await api.ok("GET", "/profiles") == {"profiles": []}
    for name in ("home", "away"):
        await api.ok("POST", "/profiles", json={"name": name})
    listed = (await api.ok("GET", "/profiles"))["profiles"]
    assert [profile["name"] for profile in listed] == ["away", "home"]
    assert all(profile.keys() >= LISTED_PROFILE for profile in listed)


async def test_a_profile_without_a_description_has_an_empty_one(api: Client, call: int) -> None:
    created = await api.ok("POST", "/profiles", json={"name": "home"})
    copied = await api.ok("POST", "/profiles/duplicate", json={"name": "now", "description": None})
    changed = await api.ok("PATCH", "/profiles/home", json={})
    listed = (await api.ok("GET", "/profiles"))["profiles"]
    one = await api.ok("GET", "/profiles/home")
    assert [answer["description"] for answer in (created, copied, changed, *listed, one)] == [""] * 6
    assert (await api.http.get("/profiles/download/home")).json()["description"] == ""


async def test_a_voice_of_three_numbers_is_refused_at_its_import(api: Client) -> None:
    speaker = {"id": 1, "name": "Alice", "embedding": [0.1, 0.2, 0.3]}
    content = json.dumps({"name": "home", "type": "profile", "speakers": [speaker], "segments": []})
    answer = await api.http.post("/profiles/import", files={"file": ("home.json", content)})
    assert (answer.status_code, answer.json()) == (
        400,
        {
            "detail": "Invalid profile file format",
            "reason": "speakers.0.embedding: it has 3 numbers, and a vector of pyannote/embedding has 512",
        },
    )
    assert await api.ok("GET", "/profiles") == {"profiles": []}


async def test_get_profile(api: Client, call: int) -> None:
    await api.ok("POST", "/profiles/duplicate", json={"name": "home"})
    found = await api.ok("GET", "/profiles/home", LISTED_PROFILE | {"speakers"})
    assert found["speakers"] == ["Unknown_01", "Unknown_02"]
    await api.refused(404, "GET", "/profiles/away", "Profile 'away' not found")


async def test_delete_profile(api: Client, call: int) -> None:
    await api.ok("POST", "/profiles", json={"name": "home"})
    await api.ok("POST", "/profiles/home/checkpoints")
    done = await api.ok("DELETE", "/profiles/home")
    assert done == {"message": "Profile 'home' and 1 checkpoints deleted", "deleted_checkpoints": 1}
    await api.refused(404, "DELETE", "/profiles/home", "Profile 'home' not found")


async def test_checkpoints(api: Client, call: int) -> None:
    await api.ok("POST", "/profiles", json={"name": "home"})
    made = [await api.ok("POST", "/profiles/home/checkpoints", CHECKPOINT - {"profile_name", "created_at"}) for _ in range(2)]
    assert made[0]["message"] == "Checkpoint created for profile 'home'"
    assert made[0]["filename"].startswith("checkpoint_home_")
    listed = (await api.ok("GET", "/profiles/home/checkpoints"))["checkpoints"]
    assert [one["filename"] for one in listed] == [made[1]["filename"], made[0]["filename"]]
    assert all(one.keys() >= CHECKPOINT and one["profile_name"] == "home" for one in listed)
    path = f"/profiles/home/checkpoints/{made[0]['timestamp']}"
    assert await api.ok("DELETE", path) == {"message": "Checkpoint deleted"}
    await api.refused(404, "DELETE", path, "Checkpoint not found")
    for method in ("GET", "POST"):
        await api.refused(404, method, "/profiles/away/checkpoints", "Profile 'away' not found")


async def test_restore_profile(api: Client, call: int) -> None:
    first = (await api.ok("GET", "/speakers"))[0]
    await api.ok("PATCH", f"/speakers/{first['id']}/rename", json={"new_name": "Ana"})
    kept = await api.ok("POST", "/profiles/duplicate", json={"name": "home"})
    await api.ok("DELETE", f"/speakers/{first['id']}")
    done = await api.ok("POST", "/profiles/restore", RESTORED, params={"filename": kept["filename"]})
    assert (done["message"], done["speakers_restored"]) == ("Restored profile 'home'", 2)
    assert done["segments_updated"] == len(await api.segments(call))
    assert {segment["speaker_name"] for segment in await api.segments(call)} == {"Ana", "Unknown_02"}
    await api.refused(404, "POST", "/profiles/restore", "File not found", params={"filename": "profile_away.json"})
    for name in ("../../etc/passwd", "profile_home.json/../x", ""):
        await api.refused(400, "POST", "/profiles/restore", "Invalid filename", params={"filename": name})
    await api.refused(422, "POST", "/profiles/restore")


async def test_download_profile(api: Client, call: int) -> None:
    await api.ok("POST", "/profiles/duplicate", json={"name": "home"})
    answer = await api.http.get("/profiles/download/home")
    assert answer.headers["content-type"].startswith("application/json")
    content = answer.json()
    assert {"timestamp", "name", "description", "type", "settings", "speakers", "segments"} <= content.keys()
    assert (content["name"], content["type"]) == ("home", "profile")
    assert content["settings"].keys() >= VOICE_SETTINGS
    fields = {"id", "name", "embedding", "emotion_threshold", "emotion_profiles"}
    assert all(speaker.keys() >= fields for speaker in content["speakers"])
    place = {"id", "conversation_id", "speaker_id", "speaker_name", "is_misidentified", "start_offset", "end_offset"}
    assert all(segment.keys() >= place for segment in content["segments"])
    await api.refused(404, "GET", "/profiles/download/away", "Profile not found")


async def test_download_all_profiles(api: Client, call: int) -> None:
    await api.refused(404, "GET", "/profiles/download-all", "No profiles found")
    await api.ok("POST", "/profiles", json={"name": "home"})
    answer = await api.http.get("/profiles/download-all")
    assert answer.headers["content-type"] == "application/zip"
    assert "voice_profiles.zip" in answer.headers["content-disposition"]
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.namelist() == ["profile_home.json"]
        assert json.loads(archive.read("profile_home.json"))["name"] == "home"


def legacy(**more: Any) -> dict[str, Any]:
    """A profile as the first version of the older system wrote it."""
    emotion = {
        "emotion_category": "angry", "embedding": [0.5] * 1024, "sample_count": 3, "confidence_threshold": None,
        "voice_embedding": [0.25] * 512, "voice_sample_count": 3, "voice_threshold": None,
    }  # fmt: skip
    alice = {"id": 1, "name": "Alice", "embedding": [0.1] * 512, "emotion_threshold": None, "emotion_profiles": [emotion]}
    segment = {
        "id": 1, "conversation_id": 1, "speaker_id": 1, "speaker_name": "Alice", "is_misidentified": False,
        "start_offset": 0.0, "end_offset": 2.1,
    }  # fmt: skip
    settings = {
        "speaker_threshold": 0.3, "context_padding": 0.15, "silence_duration": 0.5, "filter_hallucinations": True,
        "emotion_threshold": 0.6,
    }  # fmt: skip
    header = {"timestamp": "20251109_120000", "name": "old home", "description": "", "type": "profile", "settings": settings}
    return header | {"speakers": [alice], "segments": [segment]} | more


async def test_import_profile(api: Client) -> None:
    def file(content: bytes, name: str = "profile_home.json") -> dict[str, Any]:
        return {"files": {"file": (name, content, "application/json")}}

    fields = {"message", "name", "filename", "speakers_count", "segments_count"}
    done = await api.ok("POST", "/profiles/import", fields, **file(json.dumps(legacy()).encode()))
    assert done["message"] == "Profile 'old home' imported successfully"
    assert (done["name"], done["speakers_count"], done["segments_count"]) == ("old home", 1, 1)
    restored = await api.ok("POST", "/profiles/restore", RESTORED, params={"filename": done["filename"]})
    assert (restored["speakers_restored"], restored["segments_not_found"]) == (1, 1)
    assert [speaker["name"] for speaker in await api.ok("GET", "/speakers")] == ["Alice"]
    path = "/profiles/import"
    await api.refused(400, "POST", path, "Only JSON files are supported", **file(b"{}", "profile.txt"))
    await api.refused(400, "POST", path, "Invalid JSON file", **file(b"{"))
    for wrong in (b"[]", b"{}", json.dumps(legacy(speakers=[{"name": 7}])).encode()):
        await api.refused(400, "POST", path, "Invalid profile file format", **file(wrong))
    await api.refused(422, "POST", path)
