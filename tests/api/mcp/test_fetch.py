"""Fetching the URL that an agent passes: from the public internet only, within the size limit."""

import asyncio
import io
import socket
from collections.abc import AsyncIterator
from ipaddress import ip_address
from typing import Any

import pytest

from services.fetch import FetchError, fetch, is_public
from tests.support.ports import free_port


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
        *("224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1"),
        *("64:ff9b::7f00:1", "64:ff9b:1::7f00:1", "::7f00:1", "::ffff:0:7f00:1", "fec0::1", "2002:7f00:1::", "2001:db8::1"),
    ],
)
def test_private_addresses(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_public_addresses(address: str) -> None:
    assert is_public(ip_address(address))


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
