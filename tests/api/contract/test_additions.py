"""Additions to the older API of conversations: exports, matching again, labels, evaluation."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.api.contract.client import MISSING_ID, Client
from tests.support.application import Application
from vivavoce.sample import recording as telephone_call

REFERENCE = telephone_call().with_suffix(".rttm")
"""The reference turns of the call, published with the recording."""


async def label_all(api: Client, call: int) -> dict[str, Any]:
    """Label the call with its reference, under names; returns the answer."""
    rttm = await asyncio.to_thread(REFERENCE.read_text)
    rttm = rttm.replace("speaker90", "Ana").replace("speaker91", "Bo")
    files = {"file": ("call.rttm", rttm.encode(), "text/plain")}
    found: dict[str, Any] = await api.ok("POST", f"/conversations/{call}/labels/rttm", files=files, data={"labeled_by": "Eve"})
    return found


async def test_a_line_is_labelled_without_a_change_of_the_transcript(api: Client, call: int) -> None:
    before = await api.ok("GET", f"/conversations/{call}")
    segment = before["segments"][0]["id"]
    path = f"/conversations/{call}/segments/{segment}/label"
    await api.refused(404, "GET", path, "This segment has no label")
    label = await api.ok("PUT", path, json={"speaker_name": " Ana ", "labeled_by": "Eve", "notes": "clear"})
    assert (label["segment_id"], label["speaker_name"], label["labeled_by"]) == (segment, "Ana", "Eve")
    assert await api.ok("GET", path) == label
    assert await api.ok("GET", f"/conversations/{call}/labels") == [label]
    assert await api.ok("GET", f"/conversations/{call}") == before
    assert (await api.http.delete(path)).status_code == 204
    await api.refused(404, "DELETE", path, "This segment has no label")
    missing = f"/conversations/{call}/segments/{MISSING_ID}/label"
    for method, how in (("GET", {}), ("DELETE", {}), ("PUT", {"json": {"speaker_name": "Ana"}})):
        await api.refused(404, method, missing, "Segment not found", **how)
    for name in ("", " ", "x" * 201, "a\0"):
        await api.refused(422, "PUT", path, json={"speaker_name": name})
    await api.refused(404, "GET", f"/conversations/{MISSING_ID}/labels", "Conversation not found")


async def test_a_conversation_is_labelled_with_rttm(api: Client, call: int) -> None:
    done = await label_all(api, call)
    labels = await api.ok("GET", f"/conversations/{call}/labels")
    assert done["labelled"] == len(labels) >= 5
    assert done["labelled"] + done["unlabelled"] == len(await api.segments(call))
    assert done["speakers"] == ["Ana", "Bo"]
    assert {label["labeled_by"] for label in labels} == {"Eve"}
    path = f"/conversations/{call}/labels/rttm"
    assert "SPEAKER" in await api.refused(400, "POST", path, files={"file": ("a.rttm", b"hello")})
    assert "UTF-8" in await api.refused(400, "POST", path, files={"file": ("a.rttm", b"\xff\xfe\x00")})
    row = b"SPEAKER call 1 0 2 <NA> <NA> Ana <NA> <NA>"
    await api.refused(404, "POST", f"/conversations/{MISSING_ID}/labels/rttm", files={"file": ("a.rttm", row)})


async def test_the_evaluation_tells_how_right_the_transcript_is(api: Client, call: int) -> None:
    await label_all(api, call)
    first = await api.ok("POST", "/evaluation", json={})
    # No speaker has a name, so both are correctly unknown.
    assert first["identification"]["accuracy"] == 1.0
    assert first["diarization"]["rate"] < 0.1
    assert first["words"] is None

    truth = {label["segment_id"]: label["speaker_name"] for label in await api.ok("GET", f"/conversations/{call}/labels")}
    wrong = next(segment for segment in await api.segments(call) if segment["id"] in truth)
    name = truth[wrong["id"]]
    other = {"Ana": "Bo", "Bo": "Ana"}[name]
    identify = f"/conversations/{call}/segments/{wrong['id']}/identify"
    await api.ok("POST", identify, json={"speaker_name": other})
    second = (await api.ok("POST", "/evaluation", json={"conversation_ids": [call]}))["identification"]
    assert second["right"] == 0  # one has the other's name, and the other is known but not recognised
    speaker = (await api.segment_of(call, other))["speaker_id"]
    await api.ok("PATCH", f"/speakers/{speaker}/rename", json={"new_name": name})
    third = await api.ok("POST", "/evaluation", json={"conversation_ids": [call]})
    assert third["identification"]["accuracy"] == third["identification_long"]["accuracy"] == 1.0
    assert third["conversations"][0]["id"] == call


async def test_the_evaluation_measures_words_and_turns_against_references(api: Client, call: int) -> None:
    spoken = " ".join(segment["text"] for segment in await api.segments(call))
    reference = await asyncio.to_thread(REFERENCE.read_text)
    question: dict[str, Any] = {"texts": {str(call): f"{spoken} and so on"}, "rttm": {str(call): reference}}
    found = await api.ok("POST", "/evaluation", json=question)
    assert found["words"]["errors"] == 3
    assert found["words"]["rate"] == pytest.approx(3 / found["words"]["words"])
    assert 0.01 < found["diarization"]["rate"] < 0.3
    assert found["diarization"]["speech"] == pytest.approx(24, abs=4)
    collared = await api.ok("POST", "/evaluation", json=question | {"collar": 0.25})
    assert collared["diarization"]["rate"] < found["diarization"]["rate"]
    assert found["sweeps"] == []


async def test_the_evaluation_sweeps_settings(api: Client, call: int, application: Application) -> None:
    await label_all(api, call)
    found = await api.ok("POST", "/evaluation", json={"sweep_padding": True})
    threshold, padding = found["sweeps"]
    assert (threshold["setting"], padding["setting"]) == ("speaker_threshold", "context_padding")
    assert len(threshold["points"]) == 81
    assert [point["value"] for point in padding["points"]] == [0.05, 0.15, 0.3, 0.5, 1.0, 2.0]
    for sweep in (threshold, padding):
        assert sweep["gain"] == sweep["best"]["accuracy"] - sweep["current"]["accuracy"] >= 0
        for point in sweep["points"]:
            assert point["accuracy"] + point["false_accepts"] + point["misses"] == pytest.approx(1)
    # No speaker is known from another conversation: at every threshold both are correctly unknown.
    assert {point["accuracy"] for point in threshold["points"]} == {1.0}
    assert threshold["best"] == threshold["current"]


async def test_the_evaluation_refuses(api: Client, call: int) -> None:
    assert "label segments" in await api.refused(400, "POST", "/evaluation", json={})
    await api.refused(404, "POST", "/evaluation", "Conversation not found", json={"conversation_ids": [MISSING_ID]})
    await api.refused(404, "POST", "/evaluation", "Conversation not found", json={"texts": {str(MISSING_ID): "hello"}})
    assert "RTTM" in await api.refused(400, "POST", "/evaluation", json={"rttm": {str(call): "SPEAKER x"}})
    for wrong in ({"collar": -1}, {"texts": {"0": "hello"}}, {"texts": {str(call): "x" * 300_001}}):
        await api.refused(422, "POST", "/evaluation", json=wrong)


async def test_a_conversation_is_matched_again(api: Client, call: int) -> None:
    unchanged = await api.ok("POST", f"/conversations/{call}/rematch")
    assert (unchanged["participants"], unchanged["segments"]) == (0, 0)
    await api.refused(404, "POST", f"/conversations/{MISSING_ID}/rematch", "Conversation not found")


async def test_reprocessing_can_go_on_by_itself(
    api: Client, call: int, application: Application, gate: threading.Event
) -> None:
    answer = await api.http.post(f"/conversations/{call}/reprocess", params={"wait": False, "num_speakers": 1})
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/api/v1/jobs/{answer.json()['job_id']}"
    await api.refused(409, "POST", f"/conversations/{call}/reprocess", "Conversation is already active")
    assert len(await api.segments(call)) > 3  # the former ones
    gate.set()
    await application.context.recordings.finished(call)
    progress = await api.ok("GET", f"/conversations/{call}/progress")
    assert (progress["status"], progress["error"]) == ("completed", None)
    assert {segment["speaker_id"] for segment in await api.segments(call)} == {(await api.ok("GET", "/speakers"))[0]["id"]}


async def test_a_recording_that_is_lost_while_it_is_processed_again_costs_no_transcript(
    api: Client, call: int, application: Application, tmp_path: Path
) -> None:
    before = await api.ok("GET", f"/conversations/{call}")
    for path in await asyncio.to_thread(lambda: list(tmp_path.glob("*.flac"))):
        await asyncio.to_thread(path.unlink)
    await api.refused(404, "POST", f"/conversations/{call}/reprocess", "Audio file not found")
    assert await api.ok("GET", f"/conversations/{call}") == before


@pytest.mark.parametrize(
    ("format", "begins", "media_type"),
    [
        ("csv", "start,end,speaker,emotion,emotion_confidence,text,language,activation,valence\r\n", "text/csv; charset=utf-8"),
        ("srt", "1\n00:00:", "application/x-subrip; charset=utf-8"),
        ("vtt", "WEBVTT\n", "text/vtt; charset=utf-8"),
        ("txt", "[00:00:", "text/plain; charset=utf-8"),
        ("rttm", "SPEAKER conversation_", "text/plain; charset=utf-8"),
        ("json", '{"id":', "application/json"),
    ],
)
async def test_a_transcript_is_exported_under_present_names(
    api: Client, call: int, format: str, begins: str, media_type: str
) -> None:
    first, _ = await api.ok("GET", "/speakers")
    await api.ok("PATCH", f"/speakers/{first['id']}/rename", json={"new_name": "=Ana"})
    answer = await api.http.get(f"/conversations/{call}/transcript", params={"format": format})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == media_type
    assert f'filename="conversation_{call}.{format}"' in answer.headers["content-disposition"]
    assert answer.text.startswith(begins)
    assert ("'=Ana" if format == "csv" else "=Ana") in answer.text
    assert "Unknown_01" not in answer.text
