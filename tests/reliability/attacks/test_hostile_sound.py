"""Hostile sound: live conversations taken over, answers and recordings that expand, URLs of the server's own network."""

import asyncio
import gzip
import json
import secrets
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest

from tests.api.live import CLIENT_RATE, PATIENCE_S, Client, refused, server_process, serving
from tests.reliability.attacks.harness import Attacks, attacking
from tests.support import bombs
from tests.support.application import no_stages
from tests.support.ports import free_port
from tests.support.processes import forget_peak, peak_bytes

MODEL = "wespeaker-resnet34"
MAX_S = 60
SECOND = np.zeros(CLIENT_RATE, np.float32)
MOST_MEMORY_BYTES = 200 << 20
"""What the server may take for a while, more than before; each of the bombs is larger."""

Answers = Mapping[str, bytes]
"""What a server answers, head included, by path."""


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data and the temporary files of the server."""
    found = tmp_path_factory.mktemp("data")
    (found / "tmp").mkdir()
    return found


@pytest.fixture(scope="module")
def started(database_url: str, directory: Path) -> Iterator[tuple[int, str]]:
    """The server's process id and address. In this process other tests and the bombs themselves take memory."""
    limits = {"private_urls": True, "max_duration_hours": MAX_S / 3600, "max_upload_mb": 8, "stream_idle_seconds": PATIENCE_S}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(directory / "tmp"))
        with server_process(database_url, directory, **limits) as (process, address):
            yield process.pid, address


@pytest.fixture(scope="module")
def server(started: tuple[int, str]) -> str:
    return started[1]


@pytest.fixture
async def attacks(started: tuple[int, str], database_url: str, directory: Path) -> AsyncIterator[Attacks]:
    pid, address = started
    forget_peak(pid)
    before = peak_bytes(pid)
    async with attacking(f"http://{address}", database_url, directory) as attacks:
        yield attacks
    assert peak_bytes(pid) - before < MOST_MEMORY_BYTES


@asynccontextmanager
async def answering(answers: Answers) -> AsyncIterator[tuple[int, list[str]]]:
    """A server on loopback; its port, and the paths of its requests."""
    asked: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).decode().split()[1])
        writer.write(answers.get(asked[-1], b"HTTP/1.1 200 OK\r\n\r\n" + bombs.wav(16_000, 1, bytes(32_000))))
        writer.close()

    port = free_port()
    async with await asyncio.start_server(answer, "127.0.0.1", port):
        yield port, asked


async def fetch(attacks: Attacks, name: str, url: str) -> None:
    """Have a URL fetched over REST and over MCP."""
    await attacks.send(name, "POST", "/process/url", (400, 422), params={"wait": "false"}, data={"url": url})
    call = {"name": "process_audio", "arguments": {"url": url}}
    request = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    root = str(attacks.http.base_url).removesuffix("/api/v1/")
    answer = await attacks.http.post(f"{root}/mcp", json=request)
    failed = answer.status_code == 200 and "Tool execution error" in answer.text
    attacks.count(f"{name}, MCP", 400 if failed else answer.status_code, answer.text)


async def test_takeover(server: str, database_url: str, directory: Path) -> None:
    def strangers(attacks: Attacks, id_: int) -> None:
        none = refused(server, json.dumps({"type": "start", "conversation_id": 999_999}))
        for number in range(60):
            token = {"resume_token": secrets.token_urlsafe(32)} if number % 3 else {}
            start = {"type": "start", "conversation_id": id_, "resumable": number % 2 == 0, **token}
            sentence, code = refused(server, json.dumps(start))
            same = (sentence.replace(str(id_), "999999"), code) == none
            attacks.count("takeover", 403 if same else 200, sentence)

    with Client(server) as client:
        id_ = await asyncio.to_thread(client.start, resumable=True)
        await asyncio.to_thread(client.send, SECOND, CLIENT_RATE)
        async with attacking(f"http://{server}", database_url, directory) as attacks:
            await asyncio.to_thread(strangers, attacks, id_)
        await asyncio.to_thread(client.send, SECOND, CLIENT_RATE)
        assert (await asyncio.to_thread(client.stop))["duration"] == 2.0


async def test_answers_that_expand(attacks: Attacks) -> None:
    bomb = gzip.compress(bombs.zeros(512 << 20), 9)
    assert len(bomb) < 10_000
    encodings = ("gzip, gzip", "gzip", "GZIP", "x-gzip", "deflate", "br", "zstd", "identity, gzip, gzip", "unknown")
    answers = {
        f"/{quote(encoding)}": f"HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\n\r\n".encode() + bomb
        for encoding in encodings
    }
    answers["/transfer"] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n" + bomb
    answers["/endless"] = b"HTTP/1.1 200 OK\r\n\r\n" + bytes(9 << 20)
    answers["/announced"] = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999\r\n\r\n"
    async with answering(answers) as (port, asked):
        for path in answers:
            await fetch(attacks, "an answer that expands", f"http://127.0.0.1:{port}{path}")
    assert sorted(set(asked)) == sorted(answers)
    assert attacks.sent == 2 * len(answers)


SHORT = "a second too long"
BOMBS: Mapping[str, bytes] = {
    "hours of silence": bombs.silence(3 * 3600),
    SHORT: bombs.silence(MAX_S + 1),
    "a compressed header": bombs.compressed_movie_header(1 << 30),
    "a fragment": bombs.movie_fragment(150_000_000),
    "another fragment": bombs.movie_fragment(0xFFFF_FFFF),
    "one sample a second": bombs.wav(1, 1, bytes(1 << 20)),
    "two billion samples a second": bombs.wav(2**31 - 1, 1, bytes(1 << 20)),
    "no samples a second": bombs.wav(0, 1, bytes(1 << 20)),
    "many channels": bombs.wav(16_000, 32_767, bytes(1 << 20)),
    "no channels": bombs.wav(16_000, 0, bytes(1 << 20)),
    "a header alone": bombs.wav(16_000, 1, b"", 0xFFFF_FFFF),
    "packets at one sample a second": bombs.webm_packets(1, 4, 1 << 19),
    "a large packet of slow sound": bombs.webm_packets(1_000, 1, 6 << 20),
    "padding": bombs.webm_padding(4 << 20),
}


async def test_recordings_that_expand(attacks: Attacks) -> None:
    for name, content in BOMBS.items():
        file = {"audio_file": ("a.wav", content)}
        await attacks.send(name, "POST", "/process", (400,), params={"wait": "false"}, files=file)
        if name == SHORT:
            continue  # a sample may be longer
        await attacks.send(f"{name}, enrolled", "POST", "/speakers/enroll", (400, 422), data={"name": "Eve"}, files=file)
    batch = [("audio_files", (name, content)) for name, content in BOMBS.items()]
    for item in (await attacks.http.post("/process/batch", files=batch[:6])).raise_for_status().json()["files"]:
        attacks.count("a batch", 400 if item["error"] else 202, str(item))


def test_live_sound_that_expands(server: str, directory: Path) -> None:
    for name in ("packets at one sample a second", "padding"):
        with Client(server) as client:
            client.start(encoding="webm")
            client.socket.send(BOMBS[name])
            client.until("error")
            assert client.until("completed")["duration"] == 0
            assert client.closed() == 1003
    assert not list(directory.glob("live/*"))


async def test_the_servers_own_network(database_url: str, tmp_path: Path) -> None:
    with serving(database_url, tmp_path, no_stages(), MODEL) as address:
        async with answering({}) as (port, asked), attacking(f"http://{address}", database_url, tmp_path) as attacks:
            hosts = ("127.0.0.1", "127.1", "127.0.0.2", "2130706433", "0x7f000001", "0177.0.0.1", "0", "0.0.0.0", "localhost")
            more = ("[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]")
            tunnels = ("[2002:7f00:1::]", "[2001::7f00:1]", "[fe80::5efe:7f00:1]", "user:word@127.0.0.1", "１２７.0.0.1")
            for host in (*hosts, *more, *tunnels):
                await fetch(attacks, "the server's own network", f"http://{host}:{port}/")
            assert attacks.sent == 2 * len((*hosts, *more, *tunnels))
        assert asked == []
