"""Fetching the URL that an agent passes: from the public internet only, within the size limit."""

import asyncio
import gzip
import io
import socket
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote, unquote

import pytest

from services.fetch import FetchError, fetch
from tests.support.ports import free_port

BOMB = gzip.compress(gzip.compress(bytes(64 << 20), 9), 9)
"""A few hundred bytes that two decoders expand to 64 MB."""


@pytest.fixture
async def server() -> AsyncIterator[str]:
    """An HTTP server that knows a few paths."""
    port = free_port()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        path = head.split()[1]
        assert f"Host: localhost:{port}" in head or f"Host: 127.0.0.1:{port}" in head
        if path == "/loop":
            writer.write(b"HTTP/1.1 302 Found\r\nLocation: /loop\r\nContent-Length: 0\r\n\r\n")
        elif path.startswith("/to?"):
            writer.write(f"HTTP/1.1 302 Found\r\nLocation: {path[4:]}\r\nContent-Length: 0\r\n\r\n".encode())
        elif path == "/endless":
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            while not writer.is_closing():
                writer.write(bytes(1 << 16))
                try:
                    await writer.drain()
                except ConnectionError:
                    break
        elif path.startswith("/encoded?"):
            assert "accept-encoding: identity\r\n" in head.lower()
            body = BOMB if "gzip" in path else b"RIFF"
            writer.write(f"HTTP/1.1 200 OK\r\n{unquote(path[9:])}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        elif path == "/announced":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n")
        else:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nRIFF")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", port):
        yield f"localhost:{port}"


async def test_a_file_is_fetched_under_its_name(server: str) -> None:
    file = io.BytesIO()
    assert await fetch(f"http://{server}/a/my%20talk.wav?x=1", file, 100, private=True) == "my talk.wav"
    assert file.read() == b"RIFF"


async def test_redirects_are_followed_a_few_times(server: str) -> None:
    file = io.BytesIO()
    assert await fetch(f"http://{server}/to?/talk.wav", file, 100, private=True) == "talk.wav"
    with pytest.raises(FetchError, match="more than 5 times"):
        await fetch(f"http://{server}/loop", file, 100, private=True)
    with pytest.raises(FetchError, match="http"):
        await fetch(f"http://{server}/to?file:///etc/passwd", file, 100, private=True)


async def test_what_never_ends_is_cut_off(server: str) -> None:
    file = io.BytesIO()
    with pytest.raises(FetchError, match="larger than 3 MB"):
        await fetch(f"http://{server}/endless", file, 3 << 20, private=True)
    assert len(file.getvalue()) <= 4 << 20


@pytest.mark.parametrize(
    "head",
    [
        *("Content-Encoding: gzip, gzip", "Content-Encoding: GZIP", "Content-Encoding: gzip\r\nContent-Encoding: gzip"),
        *("Content-Encoding: identity, gzip", "Content-Encoding: x-gzip", "Transfer-Encoding: gzip, chunked"),
    ],
)
async def test_a_compressed_answer_is_refused(server: str, head: str) -> None:
    file = io.BytesIO()
    assert len(BOMB) < 2000
    with pytest.raises(FetchError, match=r"sends it compressed|could not be fetched"):
        await fetch(f"http://{server}/encoded?{quote(head)}", file, 1 << 20, private=True)
    assert file.getvalue() == b""


@pytest.mark.parametrize("head", ["Content-Encoding: identity", "Content-Encoding: ", "Content-Type: audio/wav"])
async def test_a_plain_answer_is_read(server: str, head: str) -> None:
    file = io.BytesIO()
    await fetch(f"http://{server}/encoded?{quote(head)}", file, 100, private=True)
    assert file.getvalue() == b"RIFF"


async def test_what_is_announced_as_too_large_is_not_read(server: str) -> None:
    with pytest.raises(FetchError, match="larger than"):
        await fetch(f"http://{server}/announced", io.BytesIO(), 100, private=True)


@pytest.mark.parametrize(
    "url",
    [
        *("http://127.0.0.1:{port}/", "http://localhost:{port}/", "http://[::1]:{port}/", "http://2130706433:{port}/"),
        *("http://0x7f.1:{port}/", "http://[::ffff:127.0.0.1]:{port}/", "http://169.254.169.254/latest/meta-data/"),
    ],
)
async def test_the_servers_own_network_is_not_asked(server: str, url: str) -> None:
    with pytest.raises(FetchError, match=r"private network|no host"):
        await fetch(url.format(port=server.partition(":")[2]), io.BytesIO(), 100)


@pytest.mark.parametrize("url", ["", "talk.wav", "file:///etc/passwd", "ftp://example.org/a", "http://", "http://a b/", "//x"])
async def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(FetchError):
        await fetch(url, io.BytesIO(), 100)


async def test_a_name_that_changes_its_address_is_asked_at_the_one_that_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    resolve = loop.getaddrinfo
    names: list[str] = []
    addresses: list[str] = []

    async def lie(host: str, *arguments: Any, **options: Any) -> Any:
        names.append(host)
        if host == "rebound.example":
            address = "8.8.8.8" if names.count(host) == 1 else "127.0.0.1"
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80))]
        return await resolve(host, *arguments, **options)

    async def refuse(_: object, host: str, *_arguments: Any, **_options: Any) -> Any:
        addresses.append(host)
        raise ConnectionRefusedError

    monkeypatch.setattr(loop, "getaddrinfo", lie)
    monkeypatch.setattr(loop, "create_connection", refuse)
    with pytest.raises(FetchError, match="could not be fetched"):
        await fetch("http://rebound.example/", io.BytesIO(), 100)
    assert names.count("rebound.example") == 1
    assert addresses == ["8.8.8.8"]
