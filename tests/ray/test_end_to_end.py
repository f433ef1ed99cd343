"""The program as a user runs it: `vivavoce serve --sample`, real models, real speech, HTTP."""

import asyncio
import http.client
import io
import itertools
import json
import re
import time
import wave
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile
import soxr
from mcp import Client as Agent

from engines.diarization_errors import diarization_error_rate
from pipeline.evaluation.error_rates import word_error_rate, word_speaker_accuracy
from pipeline.types import EMOTIONS, SAMPLE_RATE, Turn
from tests.api.live import CLIENT_RATE
from tests.api.live import Client as Live
from tests.support.node import give_up
from tests.support.ports import free_port
from tests.support.program import DATA, Program, ServedApplication
from vivavoce.sample import recording

pytestmark = pytest.mark.ray

# The contract with the clients of the system that this one replaces, and the additions to it.
ITEM = {"id", "title", "start_time", "end_time", "duration", "status", "audio_format", "num_segments", "num_speakers"} | {
    *("language", "languages", "owner", "visibility", "tags", "file_name")
}
CONVERSATION = ITEM | {"transcript_segments"} | {"segments", "error", "notes", "hotwords"}
SEGMENT = {
    *("id", "conversation_id", "speaker_id", "speaker_name", "text", "start_time", "end_time", "start_offset", "end_offset"),
    *(
        "confidence",
        "speaker_probability",
        "emotion_category",
        "emotion_confidence",
        "emotion_corrected",
        "emotion_corrected_at",
    ),
    *("emotion_misidentified", "detector_breakdown", "activation", "valence", "words", "avg_logprob", "is_misidentified"),
    *("overlap", "channel", "language", "edited_at"),
}
WORD = {"word", "start", "end", "probability"}

TIMEOUT_S = 600.0
SAMPLE = 1
"""The id of the first conversation of an empty archive."""


@pytest.fixture(scope="module")
def api(program: ServedApplication) -> Iterator[httpx.Client]:
    address = re.search(r"is ready: (http://\S+:\d+)", program.stderr)
    assert address
    assert address[1] == program.address
    with httpx.Client(base_url=f"{address[1]}/api/v1", timeout=TIMEOUT_S) as client:
        yield client


def shared(path: str) -> Path:
    """A recording of `../shared/data`; without it, the test is skipped."""
    if not (DATA / path).exists():
        pytest.skip(f"{path} is not here")
    return DATA / path


def process(api: httpx.Client, file: Path, **form: Any) -> dict[str, Any]:
    answer = api.post("/process", files={"audio_file": (file.name, file.read_bytes())}, data=form)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def refused(api: httpx.Client, name: str, content: bytes, **form: Any) -> tuple[int, str]:
    """Status and sentence of a refused upload, which must not be stored."""
    before = api.get("/conversations").json()["total"]
    answer = api.post("/process", files={"audio_file": (name, content)}, data=form)
    assert api.get("/conversations").json()["total"] == before
    assert set(answer.json()) == {"detail"}
    return answer.status_code, str(answer.json()["detail"])


def wav(samples: np.ndarray) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, SAMPLE_RATE, format="WAV")
    return file.getvalue()


def speakers(conversation: dict[str, Any]) -> dict[int, str]:
    return {segment["speaker_id"]: segment["speaker_name"] for segment in conversation["segments"]}


def text_of(conversation: dict[str, Any]) -> str:
    return " ".join(segment["text"] for segment in conversation["segments"])


def words_of(conversation: dict[str, Any]) -> list[tuple[str, str]]:
    return [(word["word"], segment["speaker_name"]) for segment in conversation["segments"] for word in segment["words"]]


def until_finished(api: httpx.Client, conversation_id: int) -> list[dict[str, Any]]:
    """Every different progress that polling returns."""
    seen: list[dict[str, Any]] = []
    deadline = time.monotonic() + TIMEOUT_S
    while not seen or seen[-1]["status"] == "processing":
        assert time.monotonic() < deadline, seen[-1]
        progress = api.get(f"/conversations/{conversation_id}/progress").raise_for_status().json()
        if progress not in seen:
            seen.append(progress)
        time.sleep(0.1)
    return seen


# The first run


def test_the_sample_is_printed_with_names_and_emotions(program: ServedApplication) -> None:
    lines = [line for line in program.stdout.splitlines() if line.startswith("0:00:")]
    pattern = re.compile(rf"0:00:\d\d\.\d  (Unknown_0[12])  +({'|'.join(EMOTIONS)}) \d+%  +\S.*")
    matches = [pattern.fullmatch(line) for line in lines]
    assert len(lines) > 5
    assert all(matches), program.stdout
    assert {match[1] for match in matches if match} == {"Unknown_01", "Unknown_02"}
    assert "Chicago" in program.stdout
    assert "sample.wav: 30 s, 2 speakers" in program.stdout


def test_it_says_nothing_else(program: ServedApplication) -> None:
    assert "Traceback" not in program.stdout + program.stderr
    assert all("Warning" not in line and "INFO" not in line for line in program.stderr.splitlines()), program.stderr


def test_the_list_has_the_contracts_shape(api: httpx.Client) -> None:
    page = api.get("/conversations").json()
    assert set(page) == {"conversations", "total", "skip", "limit", "next_cursor"}
    assert (page["skip"], page["limit"]) == (0, 100)
    item = page["conversations"][-1]
    assert set(item) == ITEM | {"participants", "timeline"}
    assert (item["id"], item["title"], item["status"]) == (SAMPLE, "Uploaded: sample.wav", "completed")


def test_a_conversation_has_the_contracts_shape(api: httpx.Client) -> None:
    conversation = api.get(f"/conversations/{SAMPLE}").json()
    assert set(conversation) == CONVERSATION
    assert conversation["segments"] == conversation["transcript_segments"]
    assert conversation["num_segments"] == len(conversation["segments"]) > 5
    assert (conversation["num_speakers"], conversation["language"], conversation["error"]) == (2, "en", None)
    assert conversation["duration"] == pytest.approx(30, abs=0.01)
    start = datetime.fromisoformat(conversation["start_time"])
    assert start.tzinfo == UTC
    for segment in conversation["segments"]:
        assert set(segment) == SEGMENT
        assert segment["conversation_id"] == SAMPLE
        assert segment["emotion_category"] in EMOTIONS
        assert 0 < segment["emotion_confidence"] <= 1
        since = datetime.fromisoformat(segment["start_time"]) - start
        assert since.total_seconds() == pytest.approx(segment["start_offset"], abs=0.001)
        assert all(set(word) == WORD for word in segment["words"])
        assert "".join(word["word"] for word in segment["words"]).strip() == segment["text"]
        times = [moment for word in segment["words"] for moment in (word["start"], word["end"])]
        assert segment["start_offset"] == times[0]
        assert segment["end_offset"] == times[-1]
        assert times == sorted(times)


def test_the_sample_is_heard_as_well_as_promised(api: httpx.Client) -> None:
    stm = shared("conversations/pyannote_sample/sample.stm").read_text().splitlines()
    said = [(fields[2], fields[5]) for fields in (line.split(maxsplit=5) for line in stm)]
    conversation = api.get(f"/conversations/{SAMPLE}").json()
    assert word_error_rate(" ".join(text for _, text in said), text_of(conversation)) <= 0.25
    reference = [(word, speaker) for speaker, text in said for word in text.split()]
    assert word_speaker_accuracy(reference, words_of(conversation)) >= 0.95


def test_its_speakers_are_told_apart_as_well_as_promised(api: httpx.Client) -> None:
    def turns(rttm: str) -> list[Turn]:
        rows = [line.split() for line in rttm.splitlines()]
        return [Turn(float(row[3]), float(row[3]) + float(row[4]), row[7]) for row in rows]

    reference = turns(shared("conversations/pyannote_sample/sample.rttm").read_text())
    found = turns(api.get(f"/conversations/{SAMPLE}/transcript", params={"format": "rttm"}).text)
    assert diarization_error_rate(reference, found, duration=30) <= 0.06


# Speakers last


@pytest.fixture(scope="module")
def again(api: httpx.Client) -> dict[str, Any]:
    """The sample, processed a second time."""
    return process(api, recording())


def test_voices_are_recognised_when_they_come_again(api: httpx.Client, again: dict[str, Any]) -> None:
    assert speakers(again) == speakers(api.get(f"/conversations/{SAMPLE}").json())
    assert all(segment["confidence"] > 0.5 for segment in again["segments"])


def test_two_recordings_that_bring_the_same_new_voice_at_once_make_one_speaker(api: httpx.Client) -> None:
    files = [shared(f"read_speech/librispeech_test-other/1688/1688-142285-000{i}.flac") for i in (6, 7)]
    known = speakers(api.get(f"/conversations/{SAMPLE}").json())
    with ThreadPoolExecutor() as threads:
        first, second = threads.map(lambda file: process(api, file), files)
    assert speakers(first) == speakers(second)
    (new,) = speakers(first)
    assert new not in known
    assert {segment["confidence"] is None for segment in first["segments"] + second["segments"]} == {True, False}


# Waiting, and not waiting


def answers_while_processing(api: httpx.Client, conversation_id: int) -> int:
    """How many other requests are answered meanwhile, one after the other."""
    answers = 0
    while api.get(f"/conversations/{conversation_id}/progress").json()["status"] == "processing":
        api.get("/conversations").raise_for_status()
        answers += 1
    return answers


def test_the_work_can_be_watched_by_polling_and_by_events_and_others_are_answered(api: httpx.Client) -> None:
    with recording().open("rb") as file:
        accepted = api.post("/process", params={"wait": False}, files={"audio_file": ("watched.wav", file)})
    assert accepted.status_code == 202
    conversation_id = accepted.json()["id"]
    assert accepted.headers["location"] == f"/api/v1/jobs/{accepted.json()['job_id']}"
    with ThreadPoolExecutor() as threads:
        polling = threads.submit(until_finished, api, conversation_id)
        answering = threads.submit(answers_while_processing, api, conversation_id)
        with api.stream("GET", f"/conversations/{conversation_id}/events") as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            events = [json.loads(line.removeprefix("data:")) for line in stream.iter_lines() if line.startswith("data:")]
        polled, answers = polling.result(), answering.result()
    assert answers > 3
    for seen in (events, polled):
        assert [progress["progress"] for progress in seen] == sorted(progress["progress"] for progress in seen)
        assert len({progress["progress"] for progress in seen}) > 3
        assert {progress["stage"] for progress in seen} & {"transcribing", "diarizing"}
        last = {"id": conversation_id, "status": "completed", "stage": None, "progress": 1.0, "error": None}
        assert seen[-1] == last
        assert all(progress["status"] == "processing" for progress in seen[:-1])


def test_the_work_goes_on_when_the_client_hangs_up(api: httpx.Client) -> None:
    request = api.build_request("POST", "/process", files={"audio_file": ("hung-up.wav", recording().read_bytes())})
    connection = http.client.HTTPConnection(api.base_url.host, api.base_url.port or 80)
    connection.request("POST", request.url.path, body=request.read(), headers=dict(request.headers))

    def newest() -> dict[str, Any]:
        return dict(api.get("/conversations", params={"limit": 1}).json()["conversations"][0])

    deadline = time.monotonic() + TIMEOUT_S
    while newest()["title"] != "Uploaded: hung-up.wav":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    time.sleep(0.5)  # until the stages are at work
    connection.close()
    conversation = newest()
    assert conversation["status"] == "processing"
    assert until_finished(api, conversation["id"])[-1]["status"] == "completed"


# Input


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("empty.wav", b"", "empty"),
        ("text.mp3", b"This is a letter, not a song. " * 100, "format"),
        ("header.wav", wav(np.zeros(0)), "no sound"),
    ],
)
def test_what_holds_no_sound_is_refused_in_a_sentence(api: httpx.Client, name: str, content: bytes, says: str) -> None:
    status, detail = refused(api, name, content)
    assert status == 400
    assert says in detail
    assert detail.count("\n") == 0
    assert not re.search(r"/tmp|Errno|Error\b|\.py", detail)


def test_silence_is_a_conversation_without_lines(api: httpx.Client) -> None:
    answer = api.post("/process", files={"audio_file": ("silence.wav", wav(np.zeros(3 * SAMPLE_RATE)))}).json()
    assert (answer["status"], answer["segments"], answer["num_speakers"]) == ("completed", [], 0)
    assert answer["duration"] == 3
    assert answer["language"] is None


def test_a_video_has_sound(api: httpx.Client) -> None:
    conversation = process(api, shared("edge/codecs_jfk_rice/good.webm"))
    assert "patient" in text_of(conversation).lower()
    assert conversation["duration"] == pytest.approx(9, abs=0.1)


def test_a_file_name_is_a_label(api: httpx.Client, program: ServedApplication) -> None:
    answer = api.post("/process", files={"audio_file": ("../../etc/passwd", wav(np.zeros(SAMPLE_RATE)))}).json()
    assert answer["title"] == "Uploaded: passwd"
    written = [path for path in program.directory.rglob("*") if path.is_file() and "passwd" in path.name]
    assert written == []
    kept = [path.name for path in (program.directory / "data" / "audio").rglob("*") if path.is_file()]
    assert all(re.fullmatch(r"[0-9a-f]{32}\.(flac|mp3|opus)", name) for name in kept)


def test_hints_are_followed(api: httpx.Client) -> None:
    conversation = process(api, recording(), num_speakers=1, language="en")
    assert conversation["num_speakers"] == 1
    assert "Chicago" in text_of(conversation)


@pytest.mark.parametrize(
    ("form", "says"), [({"min_speakers": 3, "max_speakers": 2}, "min_speakers"), ({"language": "xx"}, "language")]
)
def test_hints_that_make_no_sense_are_refused(api: httpx.Client, form: dict[str, Any], says: str) -> None:
    status, detail = refused(api, "sample.wav", recording().read_bytes(), **form)
    assert status == 422
    assert says in detail


# Output


@pytest.mark.parametrize(
    ("format", "media_type", "pattern"),
    [
        ("srt", "application/x-subrip", r"1\n00:00:0\d,\d{3} --> 00:00:\d\d,\d{3}\n"),
        ("vtt", "text/vtt", r"WEBVTT\n\n"),
        ("txt", "text/plain", r".*Unknown_01"),
        ("rttm", "text/plain", r"SPEAKER conversation_1 1 \d+\.\d+ \d+\.\d+ <NA> <NA> Unknown_0\d <NA> <NA>\n"),
        ("json", "application/json", r"{"),
    ],
)
def test_transcripts_come_in_formats(api: httpx.Client, format: str, media_type: str, pattern: str) -> None:
    answer = api.get(f"/conversations/{SAMPLE}/transcript", params={"format": format})
    assert answer.headers["content-type"].split(";")[0] == media_type
    assert re.match(pattern, answer.text)
    if format == "json":
        assert answer.json() == api.get(f"/conversations/{SAMPLE}").json()
    elif format != "rttm":
        assert "Chicago" in answer.text


def test_a_segment_can_be_heard(api: httpx.Client) -> None:
    segment = api.get(f"/conversations/{SAMPLE}").json()["segments"][2]
    answer = api.get(f"/conversations/segments/{segment['id']}/audio")
    assert answer.headers["content-type"] == "audio/wav"
    with wave.open(io.BytesIO(answer.content)) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (SAMPLE_RATE, 1, 2)
        heard = np.frombuffer(sound.readframes(sound.getnframes()), np.int16) / 2**15
    begin = round(segment["start_offset"] * SAMPLE_RATE)
    assert len(heard) == pytest.approx((segment["end_offset"] - segment["start_offset"] + 0.25) * SAMPLE_RATE, abs=1)
    original, _ = soundfile.read(recording(), start=begin, frames=len(heard))
    assert np.abs(heard - original).max() < 2**-14


def test_a_segment_can_be_had_as_mp3(api: httpx.Client) -> None:
    segment = api.get(f"/conversations/{SAMPLE}").json()["segments"][2]
    answer = api.get(f"/conversations/segments/{segment['id']}/audio", params={"format": "mp3"})
    assert answer.headers["content-type"] == "audio/mpeg"
    seconds = soundfile.info(io.BytesIO(answer.content)).duration
    assert seconds == pytest.approx(segment["end_offset"] - segment["start_offset"] + 0.25, abs=0.1)


def test_pages_of_the_list_come_one_after_the_other(api: httpx.Client) -> None:
    found = api.get("/conversations").json()["conversations"]
    whole = [item["id"] for item in found]
    newest_first = sorted(found, key=lambda item: (datetime.fromisoformat(item["start_time"]), item["id"]), reverse=True)
    assert found == newest_first
    pages = [api.get("/conversations", params={"skip": skip, "limit": 3}).json() for skip in range(0, len(whole), 3)]
    assert [item["id"] for page in pages for item in page["conversations"]] == whole
    assert {page["total"] for page in pages} == {len(whole)}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/conversations/999999", 404),
        ("/conversations/999999/transcript", 404),
        ("/conversations/999999/events", 404),
        ("/conversations/segments/999999/audio", 404),
        *itertools.product((f"/conversations/{2**63}", f"/conversations/segments/{2**63}/audio"), (422,)),
        ("/conversations?skip=-1", 422),
        ("/conversations?limit=0", 422),
        ("/conversations/1/transcript?format=docx", 422),
    ],
)
def test_what_is_not_there_or_makes_no_sense_is_said(api: httpx.Client, path: str, status: int) -> None:
    answer = api.get(path)
    assert answer.status_code == status
    assert set(answer.json()) == {"detail"}


# Operation


def test_status_names_the_model_of_each_stage(api: httpx.Client) -> None:
    status = api.get("/status").json()
    assert {"status", "message", "gpu_available", "device"} < set(status)  # the contract's
    assert status["status"] == "online"
    assert status["device"] == ("cuda" if status["gpu_available"] else "cpu")
    assert set(status["stages"]) == {"transcriber", "diarizer", "embedder", "emotion", "text"}
    assert all(set(stage) == {"model", "device", "note"} and stage["model"] for stage in status["stages"].values())


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/docs", "/openapi.json"])
def test_operators_find_their_way(api: httpx.Client, path: str) -> None:
    assert httpx.get(api.base_url.join(path), timeout=TIMEOUT_S).status_code == 200


def test_the_page_is_opened_and_served(program: ServedApplication) -> None:
    program.wait_for(f"A browser opens {program.address}\n")
    answer = httpx.get(program.address, headers={"Accept": "text/html"}, timeout=TIMEOUT_S)
    if answer.status_code == 503:
        give_up("The page is not built: `make page` does it where npm reaches its registry.")
    files = re.findall(r'"(/assets/[^"]+)"', answer.text)
    assert len(files) >= 2
    for file in files:
        sent = httpx.get(program.address + file, headers={"Accept-Encoding": "gzip"}, timeout=TIMEOUT_S)
        assert sent.status_code == 200
        assert sent.headers["Content-Encoding"] == "gzip"
        assert "immutable" in sent.headers["Cache-Control"]


def test_an_agent_is_told_a_name_that_holds_in_the_past_now_and_in_the_future(api: httpx.Client, again: dict[str, Any]) -> None:
    """An unknown speaker speaks, and the agent identifies the speaker as Nick."""
    server = f"{api.base_url.host}:{api.base_url.port}"
    later = again["id"]
    samples, _ = soundfile.read(recording(), dtype="float32", start=7 * SAMPLE_RATE, frames=11 * SAMPLE_RATE)
    speech = np.append(soxr.resample(samples, SAMPLE_RATE, CLIENT_RATE), np.zeros(CLIENT_RATE, np.float32))
    with Live(f"{server}/api/v1") as client:
        conversation = client.start(language="en")
        client.send(speech, CLIENT_RATE)
        while not client.of("segment"):
            client.until("segment")
        asked, done = asyncio.run(that_is(f"http://{server}/mcp", "Nick"))
        assert asked["speaker_name"].startswith("Unknown_")
        assert done["segments_updated"] > 10
        before = len(client.of("segment"))
        client.send(speech, CLIENT_RATE)  # both continue to speak
        client.stop()
    assert not any(line["is_known"] for line in client.of("segment")[:1])
    assert [line["speaker_name"] for line in client.of("segment")[before:] if line["is_known"]].count("Nick") >= 1

    def lines_of_nick(conversation: int) -> int:
        segments = api.get(f"/conversations/{conversation}").json()["segments"]
        return sum(segment["speaker_name"] == "Nick" for segment in segments)

    assert lines_of_nick(SAMPLE) >= 3
    assert lines_of_nick(later) == lines_of_nick(SAMPLE)
    assert lines_of_nick(conversation) >= 2
    assert lines_of_nick(process(api, recording())["id"]) == lines_of_nick(SAMPLE)
    assert api.post(f"/conversations/{later}/reprocess").json()["message"] == "Conversation reprocessed"
    assert lines_of_nick(later) == lines_of_nick(SAMPLE)


async def that_is(url: str, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The agent's calls: find the segment with an unknown speaker, identify the speaker, and return both results."""
    async with Agent(url) as agent:
        heard = await agent.call_tool("get_live_conversation", {})
        assert heard.structured_content
        assert heard.structured_content["live"]
        line = max(heard.structured_content["segments"], key=lambda line: line["end_offset"] - line["start_offset"])
        done = await agent.call_tool("identify_speaker_in_segment", {"segment_id": line["id"], "speaker_name": name})
        assert not done.is_error, done.content
        assert done.structured_content
        return line, done.structured_content


def test_a_second_program_on_the_same_archive_is_refused(program: ServedApplication, api: httpx.Client, tmp_path: Path) -> None:
    arguments: list[str | Path] = ["vivavoce", "serve", "--port", str(free_port()), "--data-dir", program.directory / "data"]
    with Program(arguments, tmp_path) as second:
        assert second.wait() == 1
        assert "Traceback" not in second.stderr
        assert "already" in second.stderr
    assert httpx.get(api.base_url.join("/health/ready"), timeout=120).json() == {"status": "ready"}
