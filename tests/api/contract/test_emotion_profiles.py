"""Emotion profiles at both of their addresses, and the voice settings."""

from typing import Any

import pytest

from tests.api.contract.client import EMOTION_PROFILE, MISSING_ID, VOICE_SETTINGS, Client

BOTH = ("/conversations/speakers", "/speakers")


async def corrected(api: Client, call: int) -> int:
    """Unknown_01, who has a profile of being happy; returns the id."""
    segment = await api.segment_of(call, "Unknown_01")
    path = f"/conversations/{call}/segments/{segment['id']}/correct-emotion"
    await api.ok("POST", path, params={"corrected_emotion": "happy"})
    return int(segment["speaker_id"])


@pytest.mark.parametrize("base", BOTH)
async def test_get_emotion_profiles(api: Client, call: int, base: str) -> None:
    speaker = await corrected(api, call)
    found = await api.ok(
        "GET", f"{base}/{speaker}/emotion-profiles", {"speaker_id", "speaker_name", "emotion_threshold", "profiles"}
    )
    assert (found["speaker_id"], found["speaker_name"], found["emotion_threshold"]) == (speaker, "Unknown_01", None)
    (profile,) = found["profiles"]
    assert profile.keys() >= EMOTION_PROFILE
    assert (profile["emotion_category"], profile["sample_count"]) == ("happy", 1)
    await api.refused(404, "GET", f"{base}/{MISSING_ID}/emotion-profiles", "Speaker not found")


@pytest.mark.parametrize("base", BOTH)
async def test_reset_emotion_profiles(api: Client, call: int, base: str) -> None:
    speaker = await corrected(api, call)
    path = f"{base}/{speaker}/emotion-profiles"
    missing = "Emotion profile 'sad' not found for speaker 'Unknown_01'. Create it by correcting an emotion first."
    await api.refused(404, "DELETE", path, missing, params={"emotion_category": "sad"})
    done = await api.ok("DELETE", path, params={"emotion_category": "happy"})
    assert done == {
        "message": "Reset emotion profile 'happy' for speaker 'Unknown_01'",
        "speaker_name": "Unknown_01",
        "emotion_category": "happy",
        "deleted": 1,
    }
    await corrected(api, call)
    done = await api.ok("DELETE", path)
    message = "Reset all emotion profiles for speaker 'Unknown_01'"
    assert done == {"message": message, "speaker_name": "Unknown_01", "deleted": 1}
    assert (await api.ok("GET", path))["profiles"] == []
    await api.refused(404, "DELETE", f"{base}/{MISSING_ID}/emotion-profiles", "Speaker not found")


@pytest.mark.parametrize("base", BOTH)
async def test_emotion_threshold(api: Client, call: int, base: str) -> None:
    speaker = (await api.segment_of(call, "Unknown_01"))["speaker_id"]
    path = f"{base}/{speaker}/emotion-threshold"
    fields = {"speaker_name", "custom_threshold", "effective_threshold", "using_global"}
    found = await api.ok("GET", path, fields | {"speaker_id"})
    assert (found["custom_threshold"], found["effective_threshold"], found["using_global"]) == (None, 0.6, True)
    done = await api.ok("PATCH", path, fields | {"message"}, params={"threshold": 0.75})
    assert done["message"] == "Updated emotion threshold for 'Unknown_01'"
    assert (done["custom_threshold"], done["effective_threshold"], done["using_global"]) == (0.75, 0.75, False)
    assert (await api.ok("GET", path))["custom_threshold"] == 0.75
    assert (await api.ok("PATCH", path))["using_global"]
    for method in ("GET", "PATCH"):
        await api.refused(404, method, f"{base}/{MISSING_ID}/emotion-threshold", "Speaker not found")
    await api.refused(422, "PATCH", path, params={"threshold": 0.2})


@pytest.mark.parametrize("base", BOTH)
@pytest.mark.parametrize(("kind", "word"), [("threshold", ""), ("voice-threshold", "voice ")])
async def test_profile_thresholds(api: Client, call: int, base: str, kind: str, word: str) -> None:
    speaker = await corrected(api, call)
    path = f"{base}/{speaker}/emotion-profiles"
    fields = {"message", "speaker_name", "emotion_category", "threshold"}
    done = await api.ok("PATCH", f"{path}/happy/{kind}", fields, params={"threshold": 0.9})
    assert done["message"] in (f"Updated happy {word}threshold for 'Unknown_01'", "Updated happy threshold for 'Unknown_01'")
    assert (done["emotion_category"], done["threshold"]) == ("happy", 0.9)
    (profile,) = (await api.ok("GET", path))["profiles"]
    assert profile["voice_threshold" if word else "confidence_threshold"] == 0.9
    assert (await api.ok("PATCH", f"{path}/happy/{kind}"))["threshold"] is None
    missing = "Emotion profile 'sad' not found for speaker 'Unknown_01'. Create it by correcting an emotion first."
    await api.refused(404, "PATCH", f"{path}/sad/{kind}", missing, params={"threshold": 0.9})
    await api.refused(404, "PATCH", f"{base}/{MISSING_ID}/emotion-profiles/happy/{kind}", "Speaker not found")
    await api.refused(422, "PATCH", f"{path}/happy/{kind}", params={"threshold": 1.5})


async def test_voice_settings(api: Client) -> None:
    before = await api.ok("GET", "/settings/voice", VOICE_SETTINGS)
    changed = await api.ok(
        "POST", "/settings/voice", VOICE_SETTINGS, json={"speaker_threshold": 0.42, "filter_hallucinations": False}
    )
    assert changed == before | {"speaker_threshold": 0.42, "filter_hallucinations": False}
    assert await api.ok("GET", "/settings/voice") == changed
    await api.refused(400, "POST", "/settings/voice", "No settings provided to update", json={})
    refused: dict[str, Any] = {"json": {"emotion_threshold": 0.6, "speaker_threshold": 0.95}}
    assert (await api.refused(400, "POST", "/settings/voice", **refused)).startswith("Invalid settings: ")
    assert await api.ok("GET", "/settings/voice") == changed
    assert await api.ok("POST", "/settings/voice/reset", VOICE_SETTINGS) == before
