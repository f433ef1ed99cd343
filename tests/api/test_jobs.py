"""The routes of jobs, and the requests that create jobs."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from pipeline.decoding import MAX_PROMPT_CHARS, PLAIN, Decoding
from pipeline.stages import Stages
from services import leases, worker
from settings import Settings
from storage.postgres.database import Database
from tests.api.test_worker import Steered, arrives, held_up, send
from tests.storage.transcripts import MODEL
from tests.support.application import Application, running
from tests.support.fixed_stages import sound

MISSING_ID = 999_999
ROOM = 3


@pytest.fixture
def stages() -> Steered:
    return Steered()


@pytest.fixture
async def application(
    database: Database, database_url: str, tmp_path: Path, stages: Steered, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Application]:
    monkeypatch.setattr(leases, "RENEW_INTERVAL_S", 0.1)
    settings = Settings(max_queued=ROOM, speaker_threshold=0.5, private_urls=True)
    async with running(settings, database_url, tmp_path, Stages(stages, stages, stages, stages), MODEL) as application:
        yield application


@pytest.fixture
async def url() -> AsyncIterator[str]:
    """The URL of a recording."""
    content = sound()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readuntil(b"\r\n\r\n")).split()[1]
        status, body = (b"200 OK", content) if path == b"/call.wav" else (b"404 Not Found", b"")
        writer.write(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body))
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def refused(application: Application, status: int, method: str, path: str, **how: Any) -> httpx.Response:
    answer = await application.client.request(method, path, **how)
    assert answer.status_code == status, answer.text
    assert answer.json()["detail"]
    return answer


async def test_jobs_are_listed_and_told_apart(application: Application, stages: Steered) -> None:
    stages.open.set()
    first, second = [await send(application) for _ in range(2)]
    done = await arrives(application, second, "completed")
    assert (done["progress"], done["error"], done["attempts"], done["duration"]) == (1.0, None, 1, 6.0)
    await arrives(application, first, "completed")
    client = application.client
    page = (await client.get("/jobs", params={"limit": 1})).json()
    assert ([job["id"] for job in page["jobs"]], page["total"]) == ([second], 2)
    assert [job["id"] for job in (await client.get("/jobs", params={"skip": 1})).json()["jobs"]] == [first]
    assert (await client.get("/jobs", params={"state": "failed"})).json()["total"] == 0
    await refused(application, 422, "GET", "/jobs", params={"state": "lost"})
    for method, path in (("GET", ""), ("GET", "/events"), ("POST", "/cancel"), ("POST", "/retry")):
        await refused(application, 404, method, f"/jobs/{MISSING_ID}{path}")
    await refused(application, 409, "POST", f"/jobs/{first}/retry")


async def test_the_work_can_be_watched(application: Application, stages: Steered) -> None:
    id_ = await send(application)
    await held_up(stages)

    async def watch() -> list[dict[str, Any]]:
        async with application.client.stream("GET", f"/jobs/{id_}/events") as answer:
            return [json.loads(line.removeprefix("data:")) async for line in answer.aiter_lines() if line.startswith("data:")]

    watching = asyncio.create_task(watch())
    stages.open.set()
    seen = await asyncio.wait_for(watching, 120)
    assert (seen[0]["id"], seen[-1]["state"]) == (id_, "completed")
    assert [event["progress"] for event in seen] == sorted(event["progress"] for event in seen)


async def test_a_recording_is_fetched(application: Application, stages: Steered, url: str) -> None:
    stages.open.set()
    answer = await application.client.post("/process/url", data={"url": f"{url}/call.wav"})
    assert (answer.status_code, answer.json()["title"]) == (200, "Uploaded: call.wav")
    assert "404" in (await refused(application, 400, "POST", "/process/url", data={"url": f"{url}/other.wav"})).text
    await refused(application, 422, "POST", "/process/url", data={"url": "file:///etc/passwd"})


async def test_several_files_in_one_request(application: Application, stages: Steered) -> None:
    stages.open.set()
    files = [
        ("audio_files", (name, content)) for name, content in (("a.wav", sound()), ("b.txt", b"hello"), ("c.wav", sound()))
    ]
    answer = await application.client.post("/process/batch", files=files)
    assert answer.status_code == 202
    found = answer.json()["files"]
    assert [item["filename"] for item in found] == ["a.wav", "b.txt", "c.wav"]
    assert [item["error"] is None for item in found] == [True, False, True]
    for item in (found[0], found[2]):
        done = await arrives(application, item["job_id"], "completed")
        assert done["conversation_id"] == item["conversation_id"]


async def test_a_file_name_that_is_no_unicode(application: Application, stages: Steered) -> None:
    """A form that declares UTF-7 can have lone surrogates."""
    stages.open.set()
    head = b'--x\r\nContent-Disposition: form-data; name="audio_files"; filename="call+2AA-.wav"\r\n\r\n'
    headers = {"Content-Type": "multipart/form-data; boundary=x; charset=utf-7"}
    form = head + sound() + b"\r\n--x--\r\n"
    answer = await application.client.post("/process/batch", content=form, headers=headers)
    assert answer.status_code == 202, answer.text
    (found,) = answer.json()["files"]
    assert found["filename"] == "call?.wav"
    kept = (await application.client.get(f"/conversations/{found['conversation_id']}")).json()
    assert kept["file_name"] == "call?.wav"


async def test_a_full_queue_says_so_and_when_to_come_again(application: Application, stages: Steered) -> None:
    for _ in range(worker.MAX_JOBS):
        await send(application)
    await held_up(stages, worker.MAX_JOBS)
    waiting = [await send(application) for _ in range(ROOM)]
    answer = await refused(application, 503, "POST", "/process", files={"audio_file": ("call.wav", sound())})
    assert int(answer.headers["retry-after"]) > 0
    assert (await application.client.get("/conversations")).json()["total"] == worker.MAX_JOBS + ROOM
    assert (await application.client.post(f"/jobs/{waiting[0]}/cancel")).json()["state"] == "cancelled"
    await send(application)


DECODING = {"task": "translate", "hotwords": "Vivavoce,  Siobhán", "initial_prompt": "A talk."}


async def test_what_a_request_asks_of_the_transcriber_is_stored_with_its_job(application: Application, stages: Steered) -> None:
    """The fields of the form, the same again as a query of `reprocess`; then none."""
    stages.open.set()
    files = {"audio_file": ("call.wav", sound())}
    conversation = (await application.client.post("/process", files=files, data=DECODING)).json()["id"]
    await application.client.post(f"/conversations/{conversation}/reprocess", params=DECODING)
    await application.client.post(f"/conversations/{conversation}/reprocess")
    asked = Decoding("translate", "Vivavoce, Siobhán", "A talk.")
    assert stages.decodings == [asked, asked, PLAIN]


@pytest.mark.parametrize(
    "field", [{"task": "summarise"}, {"hotwords": "x" * (MAX_PROMPT_CHARS + 1)}, {"initial_prompt": "<|de|>"}]
)
async def test_wrong_decoding_options_are_refused(application: Application, field: dict[str, str]) -> None:
    answer = await application.client.post("/process", files={"audio_file": ("call.wav", sound())}, data=field)
    assert answer.status_code == 422
    await refused(application, 422, "POST", "/conversations/1/reprocess", params=field)


async def test_a_recording_without_transcription_has_speakers_and_emotions(application: Application, stages: Steered) -> None:
    stages.open.set()
    files, data = {"audio_file": ("call.wav", sound())}, {"enable_transcription": "false"}
    found = (await application.client.post("/process", files=files, data=data)).json()
    assert stages.decodings == []
    (segment,) = found["segments"]
    assert (segment["text"], segment["words"], segment["avg_logprob"]) == ("", [], None)
    assert (segment["speaker_name"], segment["emotion_category"]) == ("Unknown_01", "sad")
    assert (await application.client.get(f"/conversations/{found['id']}")).json()["num_speakers"] == 1
