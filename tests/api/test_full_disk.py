"""Too little free space: uploads, URLs and live conversations are refused or end, and nothing half-written stays."""

import asyncio
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from media import free_space
from tests.api.live import CLIENT_RATE, Client, conversation, refused, serving, until_status
from tests.support import bombs
from tests.support.application import no_stages
from tests.support.ports import free_port

SECOND = np.zeros(CLIENT_RATE, np.float32)
SENTENCE = "The server's disk is full: its last "
MAX_S = 3.0


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def server(database_url: str, directory: Path) -> Iterator[str]:
    limits = {"private_urls": True, "max_duration_hours": MAX_S / 3600}
    with serving(database_url, directory, no_stages(), "wespeaker-resnet34", **limits) as address:
        yield address


@pytest.fixture
def http(server: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://{server}", timeout=120, trust_env=False) as client:
        yield client


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The temporary directory of the server, which runs in this process."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def fill(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on the whole disk must stay free."""
    monkeypatch.setattr(free_space, "MAX_FLOOR_BYTES", 1 << 60)
    monkeypatch.setattr(free_space, "FLOOR_SHARE", 1)


def kept(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file()]


def process(http: httpx.Client, content: bytes) -> httpx.Response:
    return http.post("/process", params={"wait": "false"}, files={"audio_file": ("a.wav", content)})


@pytest.mark.parametrize("seconds", [1, 60], ids=["small", "large"])
def test_an_upload_is_refused_and_nothing_stays(
    http: httpx.Client, directory: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch, seconds: int
) -> None:
    """A small file is in memory until it is decoded; a large one is refused while it comes."""
    before = http.get("/conversations").json()["total"], kept(directory)
    with monkeypatch.context() as patch:
        fill(patch)
        answers = [process(http, bombs.wav(16_000, 1, bytes(seconds * 32_000))) for _ in range(3)]
        sample = {"audio_file": ("a.wav", bombs.wav(16_000, 1, bytes(seconds * 32_000)))}
        answers.append(http.post("/speakers/enroll", data={"name": "Ana"}, files=sample))
    for answer in answers:
        assert answer.status_code == 507, answer.text
        assert answer.json()["detail"].startswith(SENTENCE)
    assert (http.get("/conversations").json()["total"], kept(directory)) == before
    assert kept(temporary) == []
    assert process(http, bombs.wav(16_000, 1, bytes(32_000))).status_code == 202


async def test_a_url_is_refused_and_nothing_stays(http: httpx.Client, temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 32044\r\n\r\n" + bombs.wav(16_000, 1, bytes(32_000)))
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", port):
        form = {"url": f"http://127.0.0.1:{port}/a.wav"}
        with monkeypatch.context() as patch:
            fill(patch)
            refusal = await asyncio.to_thread(http.post, "/process/url", params={"wait": "false"}, data=form)
        accepted = await asyncio.to_thread(http.post, "/process/url", params={"wait": "false"}, data=form)
    assert (refusal.status_code, refusal.json()["detail"][: len(SENTENCE)]) == (507, SENTENCE)
    assert accepted.status_code == 202
    assert kept(temporary) == []


def test_what_needs_no_space_is_answered(http: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(monkeypatch)
    assert http.get("/conversations").status_code == 200
    assert http.request("DELETE", "/conversations/999999", content=b"{}").status_code == 404


def test_no_live_conversation_begins(server: str, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = httpx.get(f"http://{server}/conversations", trust_env=False, timeout=120).json()["total"]
    fill(monkeypatch)
    text, code = refused(server, json.dumps({"type": "start"}))
    assert (text[: len(SENTENCE)], code) == (SENTENCE, 1013)
    assert httpx.get(f"http://{server}/conversations", trust_env=False, timeout=120).json()["total"] == before
    assert not list(directory.glob("live/*"))


def ended(server: str, client: Client, sentence: str, code: int) -> dict[str, Any]:
    """The data of `completed`, after an error that says why the recording ends."""
    assert sentence in client.until("error")["message"]
    done = client.until("completed")
    assert done["status"] == "completed_with_errors"
    assert client.closed() == code
    return done


def test_a_live_conversation_ends_and_says_what_is_kept(server: str, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Client(server) as client:
        id_ = client.start()
        client.send(SECOND, CLIENT_RATE)
        with monkeypatch.context() as patch:
            fill(patch)
            client.socket.send(SECOND.tobytes())
            done = ended(server, client, SENTENCE, 1011)
    assert done["duration"] == pytest.approx(1.0, abs=0.05)
    assert done["message"].startswith("Recording saved up to 1.0 s. The recording could not be written. " + SENTENCE)
    assert done["concatenation_status"] == "success"
    found = until_status(server, id_, "completed")
    assert found["duration"] == done["duration"]
    assert SENTENCE in found["error"]
    assert not list(directory.glob("live/*"))


def test_a_live_conversation_of_which_nothing_was_written_has_failed(
    server: str, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Client(server) as client:
        id_ = client.start()
        with monkeypatch.context() as patch:
            fill(patch)
            client.socket.send(SECOND.tobytes())
            done = ended(server, client, SENTENCE, 1011)
    assert (done["duration"], done["concatenation_status"]) == (0.0, "empty")
    assert done["message"].startswith("Nothing was recorded. The recording could not be written. " + SENTENCE)
    found = conversation(server, id_)
    assert (found["status"], found["duration"]) == ("failed", 0.0)
    assert SENTENCE in found["error"]
    assert not list(directory.glob("live/*"))


def test_a_live_conversation_has_a_maximum_length(server: str) -> None:
    with Client(server) as client:
        id_ = client.start()
        client.send(SECOND, CLIENT_RATE)
        client.socket.send(np.tile(SECOND, 4).tobytes())
        done = ended(server, client, "The recording is longer than", 1008)
    assert done["duration"] == MAX_S
    found = until_status(server, id_, "completed")
    assert (found["duration"], found["error"][:28]) == (MAX_S, "The recording is longer than")
