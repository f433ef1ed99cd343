"""Clients of the sound and of OpenAI's API, through Serve's proxy and with remote stages."""

import json

import httpx
import pytest
from openai import OpenAI
from openai.types.audio import TranscriptionDiarized, TranscriptionTextDeltaEvent, TranscriptionTextDoneEvent

from tests.support.program import ServedApplication
from vivavoce.sample import recording

pytestmark = pytest.mark.ray

TIMEOUT_S = 600.0
SAID = "originally from Chicago"


@pytest.fixture(scope="module")
def client(program: ServedApplication) -> OpenAI:
    program.wait_for("is ready")
    return OpenAI(base_url=f"{program.address}/v1", api_key="none", max_retries=0, timeout=TIMEOUT_S)


def test_transcriptions(client: OpenAI, program: ServedApplication) -> None:
    before = httpx.get(f"{program.address}/api/v1/conversations", timeout=TIMEOUT_S).json()["total"]
    create = client.audio.transcriptions.create
    found = create(file=recording(), model="gpt-4o-transcribe-diarize", response_format="diarized_json")
    assert isinstance(found, TranscriptionDiarized)
    assert SAID in found.text
    assert len({segment.speaker for segment in found.segments}) == 2
    *deltas, done = create(file=recording(), model="whisper-1", stream=True)
    assert isinstance(done, TranscriptionTextDoneEvent)
    assert SAID in done.text
    assert "".join(event.delta for event in deltas if isinstance(event, TranscriptionTextDeltaEvent)) == done.text
    assert httpx.get(f"{program.address}/api/v1/conversations", timeout=TIMEOUT_S).json()["total"] == before


def test_sound_can_be_sought(program: ServedApplication) -> None:
    program.wait_for("is ready")
    with httpx.Client(base_url=f"{program.address}/api/v1", timeout=TIMEOUT_S) as http:
        for format in ("wav", "mp3", "opus"):
            path = f"/conversations/1/audio?format={format}"
            whole, head = http.get(path), http.head(path)
            assert (whole.status_code, head.status_code, head.content) == (200, 200, b"")
            assert int(head.headers["content-length"]) == len(whole.content) > 10_000
            part = http.get(path, headers={"Range": "bytes=1000-1999"})
            assert (part.status_code, part.content) == (206, whole.content[1000:2000])
            assert http.get(path, headers={"Range": f"bytes={len(whole.content)}-"}).status_code == 416
            assert http.get(path, headers={"If-None-Match": whole.headers["etag"]}).status_code == 304


def test_events_pass_the_proxy_one_by_one(program: ServedApplication) -> None:
    with httpx.Client(base_url=f"{program.address}/api/v1", timeout=TIMEOUT_S) as http, http.stream("GET", "/events") as stream:
        data = (json.loads(line[6:]) for line in stream.iter_lines() if line.startswith("data: "))
        assert next(data)["type"] == "resync"
        title = http.get("/conversations/1").json()["title"]
        for name in ("Renamed", title):  # the event of each comes before the next change
            assert http.patch("/conversations/1", json={"title": name}).status_code == 200
            assert next(one for one in data if "title" in one.get("changes", ()))["id"] == 1
