"""Live streams with clients that violate the contract, and faults of the server. No model is needed."""

import asyncio
import itertools
import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import numpy as np
import pytest

from media.spool import Spool
from pipeline.stages import Stages
from pipeline.types import SAMPLE_RATE
from storage.audio import AudioStore
from storage.conversations import live_recordings
from storage.postgres.database import Database
from tests.api.live import (
    CLIENT_RATE,
    PATIENCE_S,
    Client,
    conversation,
    refused,
    server_process,
    serving,
    until_empty,
    until_status,
)
from tests.support.processes import resident_bytes

NO_STAGE: Any = None
SECOND = np.zeros(CLIENT_RATE, "<f4").tobytes()
IDLE_S = 15
"""Short for a person, and longer than a test pauses on a busy machine."""


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("live")


@pytest.fixture(scope="module")
def server(database_url: str, directory: Path) -> Iterator[str]:
    """It has no stages and can process silence only."""
    stages = Stages(NO_STAGE, NO_STAGE, NO_STAGE, NO_STAGE)
    with serving(database_url, directory, stages, "wespeaker-resnet34", max_streams=5) as address:
        yield address


@pytest.fixture(scope="module")
def impatient(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Another such server, with short timeouts."""
    stages = Stages(NO_STAGE, NO_STAGE, NO_STAGE, NO_STAGE)
    limits = {"stream_idle_seconds": IDLE_S, "ws_send_timeout_seconds": 1, "stream_resume_seconds": 10}
    with serving(database_url, tmp_path_factory.mktemp("impatient"), stages, "wespeaker-resnet34", **limits) as address:
        yield address


@pytest.fixture(scope="module")
def alone(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, str, Path]]:
    """One in a process of its own, whose memory only it changes: its process id, its address and its data."""
    data = tmp_path_factory.mktemp("alone")
    with server_process(database_url, data, stream_idle_seconds=PATIENCE_S) as (process, address):
        yield process.pid, address, data


def test_silence_is_a_recording_without_segments(server: str, directory: Path) -> None:
    with Client(server) as client:
        id_ = client.start()
        assert client.of("started") == [{"conversation_id": id_, "sample_rate": 48000, "message": "Recording started"}]
        client.send(np.zeros(2 * CLIENT_RATE, np.float32), 4800)
        done = client.stop()
        assert client.closed() == 1000
    assert len(client.of("status")) == 20
    assert set(client.of("status")[-1]) == {"vad_active", "audio_level", "stats"}
    assert set(client.of("status")[-1]["stats"]) == {"buffer_size", "segments_processed", "total_audio_seconds"}
    assert all(set(message) == {"type", "data", "timestamp"} for message in client.messages)
    assert all(message["timestamp"].endswith("Z") for message in client.messages)
    assert (done["conversation_id"], done["num_segments"], done["num_speakers"], done["duration"]) == (id_, 0, 0, 2.0)
    assert done["message"] == "Recording completed and saved"
    found = conversation(server, id_)
    assert (found["status"], found["duration"], found["segments"]) == ("completed", 2.0, [])
    assert found["title"].startswith("Live Recording 2")
    assert list((directory / "live").iterdir()) == []


def gone(address: str, id_: int) -> bool:
    """There is no such conversation, or it goes soon."""
    deadline = time.monotonic() + PATIENCE_S
    while httpx.get(f"http://{address}/conversations/{id_}", trust_env=False, timeout=120).status_code != 404:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return True


def test_a_stream_without_sound_leaves_no_conversation(server: str, directory: Path) -> None:
    with Client(server) as client:
        id_ = client.start(title="Nothing\0 at all")
        assert conversation(server, id_)["title"] == "Nothing at all"
        done = client.stop()
    assert (done["conversation_id"], done["concatenation_status"], done["duration"]) == (id_, "empty", 0.0)
    assert done["message"] == "No sound came, so that nothing was saved"
    assert gone(server, id_)
    with Client(server) as client:
        id_ = client.start()
        client.socket.send(b"")
        client.socket.socket.close()
    assert gone(server, id_)
    until_empty(directory / "live")


def test_a_stream_without_sound_that_is_not_resumed_leaves_no_conversation(impatient: str) -> None:
    with Client(impatient) as client:
        id_ = client.start(resumable=True)
    assert gone(impatient, id_)


@pytest.mark.parametrize("size", [4095, 4097])
@pytest.mark.parametrize(("encoding", "scale"), [("int16", 8000), ("float32", 0.001)])
def test_pieces_of_odd_length_lose_nothing(server: str, encoding: str, scale: float, size: int) -> None:
    quiet = np.sin(np.arange(8000)) * (scale if encoding == "float32" else 1)  # no speech: there are no models
    data = quiet.astype("<f4" if encoding == "float32" else "<i2").tobytes()
    with Client(server) as client:
        client.start(encoding=encoding, sample_rate=16000)
        for at in range(0, len(data), size):
            client.socket.send(data[at : at + size])
        assert client.stop()["duration"] == 0.5


def test_int16_that_is_announced_as_float32_is_refused(server: str) -> None:
    with Client(server) as client:
        id_ = client.start()
        client.socket.send((np.sin(np.arange(4800) / 10) * 9000).astype("<i2").tobytes())
        assert client.until("error")["message"].startswith("The samples are int16, but were announced as float32: start with")
        assert client.closed() == 1003
    assert gone(server, id_)


def test_sound_that_cannot_be_decoded_after_a_while_is_an_error_of_the_conversation(server: str) -> None:
    with Client(server) as client:
        id_ = client.start()
        client.send(np.zeros(CLIENT_RATE, np.float32), CLIENT_RATE)
        client.socket.send((np.sin(np.arange(4800) / 10) * 9000).astype("<i2").tobytes())
        client.until("error")
        done = client.until("completed")
    assert (done["status"], done["message"][:26]) == ("completed_with_errors", "Recording saved up to 1.0 ")
    assert conversation(server, id_)["error"].startswith("What follows could not be decoded. The samples are int16")


def test_messages_in_binary_frames_are_understood(server: str) -> None:
    with Client(server) as client:
        client.socket.send(b'{"type": "start", "sample_rate": 16000, "encoding": "int16"}')
        client.until("started")
        client.socket.send(bytes(32000))
        client.socket.send(b'{"type": "stop"}\n')
        assert client.until("completed")["duration"] == 1.0
        assert client.closed() == 1000
    assert len(client.of("status")) == 1


@pytest.mark.parametrize(
    ("first", "sentence", "code"),
    [
        pytest.param(SECOND, "Expected 'start' message", 1008, id="audio"),
        ('{"type": "stop"}', "Expected 'start' message", 1008),
        ("hello", 'A text message must be a JSON object with a \'type\', such as {"type": "stop"}.', 1003),
        pytest.param("[" * 50_000, "A text message must be a JSON object with a 'type'", 1003, id="deeply nested"),
        ('{"type": "start", "sample_rate": 1}', "The 'start' message is wrong. sample_rate: Input should be", 1008),
        ('{"type": "start", "encoding": "mp3"}', "The 'start' message is wrong. encoding: Input should be", 1008),
        ('{"type": "start", "language": "xx"}', "The 'start' message is wrong. language:", 1008),
        (json.dumps({"type": "start", "language": "ü" * 100}), "The 'start' message is wrong. language:", 1008),
        ('{"type": "start", "conversation_id": 999999}', "Conversation 999999 cannot be resumed", 1008),
    ],
)
def test_a_wrong_first_message(server: str, first: str | bytes, sentence: str, code: int) -> None:
    text, closed = refused(server, first)
    assert text.startswith(sentence)
    assert closed == code


def test_invalid_frames_after_the_start_do_no_harm(server: str) -> None:
    with Client(server) as client:
        id_ = client.start()
        strange = np.array([np.nan, np.inf, -np.inf, 1e38] * 1000, "<f4").tobytes()
        for frame in (strange, b"\1", strange[:4001], b"", SECOND):
            client.socket.send(frame)
            status = client.until("status")
            assert np.isfinite(status["audio_level"])
        client.socket.send('{"type": "ping"}')
        assert client.stop()["duration"] == pytest.approx(1 + 5000 / CLIENT_RATE, abs=0.001)
    assert conversation(server, id_)["status"] == "completed"


@pytest.mark.parametrize(
    ("garbage", "sentence", "code"),
    [("stop", "A text message must be", 1003), (bytes(9 * 2**20), "A frame is larger than 8 MB: send smaller ones.", 1009)],
)
def test_the_recording_of_a_disconnected_client_is_kept(server: str, garbage: str | bytes, sentence: str, code: int) -> None:
    with Client(server) as client:
        id_ = client.start()
        client.send(np.zeros(CLIENT_RATE, np.float32), CLIENT_RATE)
        client.socket.send(garbage)
        assert client.until("error")["message"].startswith(sentence)
        assert client.closed() == code
    assert until_status(server, id_, "completed")["duration"] == 1.0


def test_a_webm_stream_with_other_data(server: str) -> None:
    with Client(server) as client:
        id_ = client.start(encoding="webm")
        client.socket.send(b"RIFF" + bytes(100_000))
        client.socket.send(json.dumps({"type": "stop"}))
        client.closed()
    assert gone(server, id_)


def test_a_client_that_sends_nothing_is_disconnected_and_its_recording_kept(impatient: str) -> None:
    with Client(impatient) as client:
        id_ = client.start()
        client.send(np.zeros(CLIENT_RATE, np.float32), CLIENT_RATE)
        assert client.until("error")["message"] == f"Nothing was sent for {IDLE_S} s."
        assert client.closed() == 1008
    assert until_status(impatient, id_, "completed")["duration"] == 1.0


def test_a_client_that_never_starts_is_disconnected(impatient: str) -> None:
    with Client(impatient) as client:
        assert client.closed() == 1008


def test_the_recording_of_a_client_that_disconnects_is_kept(server: str, directory: Path) -> None:
    client = Client(server)
    id_ = client.start()
    client.send(np.zeros(CLIENT_RATE, np.float32), CLIENT_RATE)
    client.socket.socket.close()  # without a close frame
    assert until_status(server, id_, "completed")["duration"] == 1.0
    until_empty(directory / "live")


def test_a_lost_connection_that_is_not_resumed_is_finished(impatient: str) -> None:
    with Client(impatient) as client:
        id_ = client.start(resumable=True)
        client.send(np.zeros(CLIENT_RATE, np.float32), CLIENT_RATE)
    assert conversation(impatient, id_)["status"] == "recording"
    assert until_status(impatient, id_, "completed")["duration"] == 1.0


def test_the_number_of_streams_is_limited(server: str) -> None:
    clients = [Client(server) for _ in range(5)]
    for client in clients:
        client.start()
    text, code = refused(server, json.dumps({"type": "start"}))
    assert (text, code) == ("All 5 live streams are in use: try again later.", 1013)
    for client in clients:
        client.stop()
        client.closed()
    with Client(server) as client:
        client.start()
        client.stop()


def test_a_hundred_streams_at_once_lose_nothing_and_take_little_memory(alone: tuple[int, str, Path]) -> None:
    """The maximum number of streams, all with audio in transit; one more is refused."""
    part = np.full(CLIENT_RATE // 4, 0.001, np.float32)
    pid, address, data = alone
    with ExitStack() as stack:
        before = resident_bytes(pid)
        clients = [stack.enter_context(Client(address)) for _ in range(100)]
        ids = [client.start() for client in clients]
        for _ in range(4):
            for client in clients:  # all of them have audio in transit
                client.socket.send(part.tobytes())
            for client in clients:
                client.until("status")
        assert refused(address, json.dumps({"type": "start"})) == (
            "All 100 live streams are in use: try again later.",
            1013,
        )
        assert resident_bytes(pid) - before < 400e6
        for client in clients:
            client.socket.send(json.dumps({"type": "stop"}))
        assert [client.until("completed")["duration"] for client in clients] == [1.0] * 100
        assert {client.closed() for client in clients} == {1000}
        assert len(set(ids)) == 100
    assert list((data / "live").iterdir()) == []


async def test_the_recording_of_a_lost_replica_is_finished_by_another(database: Database, tmp_path: Path) -> None:
    """As after scaling down or the loss of a node."""
    url, uuid = database.engine.url.render_as_string(hide_password=False), uuid4()
    stages = Stages(NO_STAGE, NO_STAGE, NO_STAGE, NO_STAGE)
    with serving(url, tmp_path, stages, "wespeaker-resnet34", stream_resume_seconds=0) as address:
        with Spool(tmp_path / "live" / f"{uuid}.pcm") as file:
            async with database.session() as session:
                id_ = await live_recordings.begin(session, uuid, None, "flac", None)
            file.append(np.zeros(SAMPLE_RATE, np.float32))
            await asyncio.sleep(2)
            assert (await asyncio.to_thread(conversation, address, id_))["status"] == "recording"  # its file is held
        assert (await asyncio.to_thread(until_status, address, id_, "completed"))["duration"] == 1.0


def test_a_client_that_reads_nothing_is_disconnected(impatient: str) -> None:
    host, port = impatient.removesuffix("/api/v1").split(":")
    before = httpx.get(f"http://{impatient}/conversations", trust_env=False, timeout=120).json()["total"]
    with socket.create_connection((host, int(port))) as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.settimeout(120)
        raw.sendall(
            f"GET /api/v1/streaming/ws HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        assert b" 101 " in raw.recv(1000)
        start = b'{"type": "start"}'
        raw.sendall(bytes([0x81, 0x80 | len(start)]) + bytes(4) + start)  # a text, masked with zeros
        time.sleep(1)
        raw.recv(4000)
        raw.settimeout(5)
        audio = (b"\x82\x84" + bytes(8)) * 2000  # one sample each; its status is fifty times as long
        deadline = time.monotonic() + PATIENCE_S

        def send() -> None:
            while time.monotonic() < deadline:
                raw.sendall(audio)

        with pytest.raises(OSError):  # noqa: PT011  # the server disconnects, at once or after it stops reading
            send()
    page = httpx.get(f"http://{impatient}/conversations", trust_env=False, timeout=120).json()
    assert page["total"] == before + 1
    until_status(impatient, page["conversations"][0]["id"], "completed")


def test_much_silence_takes_no_memory(alone: tuple[int, str, Path]) -> None:
    frame = np.zeros(30 * 16_000, "<i2").tobytes()
    pid, address, _ = alone
    with Client(address) as client:
        client.start(sample_rate=16000, encoding="int16")
        for _ in range(5):
            client.socket.send(frame)
            client.until("status")
        before = resident_bytes(pid)
        for _ in range(30):
            client.socket.send(frame)
            client.until("status")
        assert resident_bytes(pid) - before < 20e6
        assert client.stop()["duration"] == 35 * 30


def test_a_conversation_in_progress_cannot_be_deleted(server: str) -> None:
    with Client(server) as client:
        id_ = client.start()
        answer = httpx.delete(f"http://{server}/conversations/{id_}", trust_env=False, timeout=120)
        assert answer.status_code == 409
        client.stop()


def test_a_recording_that_could_not_be_stored_is_stored_later(impatient: str, monkeypatch: pytest.MonkeyPatch) -> None:
    put, calls = AudioStore.put, itertools.count()

    async def full_at_first(*arguments: Any) -> str:
        if next(calls) == 0:
            raise OSError("No space left on device")
        return await put(*arguments)

    monkeypatch.setattr(AudioStore, "put", full_at_first)
    with Client(impatient) as client:
        id_ = client.start()
        client.send(np.zeros(CLIENT_RATE, np.float32), CLIENT_RATE)
        client.socket.send(json.dumps({"type": "stop"}))
        assert client.until("error")["message"] == "Finalization error: No space left on device"
        assert client.closed() == 1011
    assert until_status(impatient, id_, "completed")["duration"] == 1.0


def test_without_models_no_conversation_is_created(database_url: str, tmp_path: Path) -> None:
    with serving(database_url, tmp_path, Stages(NO_STAGE, NO_STAGE, NO_STAGE, NO_STAGE), None) as address:
        before = httpx.get(f"http://{address}/conversations", trust_env=False, timeout=120).json()["total"]
        text, code = refused(address, json.dumps({"type": "start"}))
        assert (text, code) == ("The models do not answer; wait until GET /health/ready does.", 1013)
        assert httpx.get(f"http://{address}/conversations", trust_env=False, timeout=120).json()["total"] == before
    assert not list(tmp_path.glob("live/*"))


def test_the_recording_of_a_killed_server_is_finished_at_the_next_start(database_url: str, tmp_path: Path) -> None:
    with server_process(database_url, tmp_path) as (process, address), Client(address) as client:
        id_ = client.start()
        client.send(np.zeros(CLIENT_RATE, np.float32), 4800)
        process.kill()
    assert len(list((tmp_path / "live").iterdir())) == 1
    stages = Stages(NO_STAGE, NO_STAGE, NO_STAGE, NO_STAGE)
    with serving(database_url, tmp_path, stages, "wespeaker-resnet34", stream_resume_seconds=0) as address:
        # The samples in the resampler are lost: a hundredth of a second.
        assert until_status(address, id_, "completed")["duration"] == pytest.approx(1.0, abs=0.05)
        until_empty(tmp_path / "live")


def test_other_requests_are_answered_while_a_frame_is_processed(server: str) -> None:
    """Eight megabytes are decoded and searched for speech in a thread; the server has one event loop."""
    with Client(server) as client, httpx.Client(trust_env=False, timeout=120) as http:
        client.start(sample_rate=16000, encoding="int16")
        client.socket.send(bytes(8 * 2**20))
        answered = 0
        while not client.of("status"):
            http.get(f"http://{server.removesuffix('/api/v1')}/health/live").raise_for_status()
            answered += 1
            with suppress(TimeoutError):
                client.until("status", timeout=0)
        client.stop()
    assert answered > 5
