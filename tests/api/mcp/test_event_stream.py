"""`GET /mcp/sse`, as clients of the reference system open it."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest
from mcp import Client

from mcp_server import event_stream
from mcp_server.event_stream import MESSAGES_PATH, RETIRED, SSE_PATH


@pytest.fixture
async def http(url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=url, timeout=120) as client:
        yield client


async def test_the_stream_begins_as_that_of_the_reference_system(http: httpx.AsyncClient) -> None:
    async with http.stream("GET", SSE_PATH) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.aiter_lines()
        assert json.loads((await anext(lines)).removeprefix("data: ")) == {"type": "connection", "status": "connected"}
    head = await http.head(SSE_PATH)
    assert (head.status_code, head.content) == (200, b"")


async def test_a_client_of_the_older_transport_is_told_what_to_do(http: httpx.AsyncClient) -> None:
    async with http.stream("GET", SSE_PATH, headers={"accept": "text/event-stream"}) as answer:
        lines = answer.aiter_lines()
        read = [await anext(lines) for _ in range(4)]
    assert read[2:] == ["event: endpoint", f"data: {MESSAGES_PATH}"]
    refused = await http.post(MESSAGES_PATH, json={"jsonrpc": "2.0", "id": 1, "method": "initialize"})
    assert (refused.status_code, refused.json()) == (410, {"detail": RETIRED})


async def test_a_client_of_the_present_transport_may_have_the_older_address(url: str) -> None:
    async with Client(f"{url}{SSE_PATH}") as client:
        assert len((await client.list_tools()).tools) > 10


async def test_requests_of_the_reference_system_may_have_the_older_address(http: httpx.AsyncClient) -> None:
    answer = await http.post(SSE_PATH, json={"jsonrpc": "2.0", "id": 1, "method": "ping"})
    assert answer.json()["result"] == {}


async def test_web_pages_of_others_are_kept_out(http: httpx.AsyncClient) -> None:
    async with http.stream("GET", SSE_PATH, headers={"host": "other.example"}) as answer:
        assert answer.status_code == 403
    for path in (SSE_PATH, MESSAGES_PATH):
        assert (await http.post(path, json={}, headers={"origin": "https://other.example"})).status_code == 403


class Stopping:
    """The part of a context that the stream looks at."""

    def __init__(self) -> None:
        self.recordings = self
        self.stopping = asyncio.Event()


async def test_it_pings_and_ends_with_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_stream, "PING_S", 0.001)
    context = Stopping()
    events = event_stream._events(context)  # type: ignore[arg-type]
    names = [(await anext(events)).event for _ in range(4)]
    assert names == [None, "endpoint", "ping", "ping"]
    context.stopping.set()
    assert [event async for event in events] == []
