"""A client written from the reference system's contract alone: plain JSON-RPC POSTs, and no protocol around them."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from services.identity import transcripts
from storage.conversations import conversations
from storage.postgres.database import Database
from tests.api.mcp.conftest import ORIGIN
from tests.storage.transcripts import RULES, transcript, voice


@pytest.fixture
async def plain(url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=url, timeout=120) as client:
        del client.headers["accept"]
        yield client


async def ask(client: httpx.AsyncClient, method: str, params: dict[str, Any] | None = None, path: str = "/mcp") -> Any:
    body = {"jsonrpc": "2.0", "id": 7, "method": method} | ({} if params is None else {"params": params})
    answer = await client.post(path, json=body)
    assert answer.headers["content-type"] == "application/json"
    assert "mcp-session-id" not in answer.headers
    found = answer.json()
    assert (found["jsonrpc"], found["id"]) == ("2.0", 7)
    return found


async def call(client: httpx.AsyncClient, tool: str, **arguments: Any) -> Any:
    found = await ask(client, "tools/call", {"name": tool, "arguments": arguments})
    (content,) = found["result"]["content"]
    assert content["type"] == "text"
    return json.loads(content["text"])


async def test_the_handshake_is_answered_and_not_needed(plain: httpx.AsyncClient) -> None:
    params = {"protocolVersion": "2024-11-05", "capabilities": {}, "clientInfo": {"name": "old", "version": "1"}}
    result = (await ask(plain, "initialize", params))["result"]
    assert result["protocolVersion"] == "2024-11-05"
    assert result["serverInfo"]["name"] == "vivavoce"
    assert "tools" in result["capabilities"]
    told = await plain.post("/mcp", json={"jsonrpc": "2.0", "method": "notifications/initialized"})
    assert told.status_code == 202
    assert (await ask(plain, "ping"))["result"] == {}


async def test_the_tools_are_listed(plain: httpx.AsyncClient) -> None:
    for path in ("/mcp", "/mcp/"):
        tools = (await ask(plain, "tools/list", path=path))["result"]["tools"]
        assert [tool["name"] for tool in tools][:11] == [
            *("list_conversations", "get_latest_segments", "identify_speaker_in_segment", "list_speakers", "rename_speaker"),
            *("delete_speaker", "delete_all_unknown_speakers", "get_conversation", "reprocess_conversation"),
            *("update_conversation_title", "search_conversations_by_speaker"),
        ]
        assert all(tool["inputSchema"]["type"] == "object" for tool in tools)


async def test_tools_are_called(plain: httpx.AsyncClient, database: Database) -> None:
    async with database.session() as session:
        id_ = await conversations.create(session, "A talk", None, "flac")
        await transcripts.save(session, id_, transcript([voice(1)]), RULES)
    latest = await call(plain, "get_latest_segments")
    segment = latest["segments"][0]["id"]
    done = await call(
        plain, "identify_speaker_in_segment", conversation_id=str(id_), segment_id=str(segment), speaker_name="Ada"
    )
    assert (done["success"], done["segments_updated"]) == (True, 4)
    assert [speaker["name"] for speaker in (await call(plain, "list_speakers"))["speakers"]] == ["Ada"]


async def test_failures_are_the_errors_that_they_know(plain: httpx.AsyncClient) -> None:
    assert (await ask(plain, "tools/fly"))["error"]["code"] == -32601
    unknown = (await ask(plain, "tools/call", {"name": "fly", "arguments": {}}))["error"]
    assert (unknown["code"], unknown["message"]) == (-32601, "Tool not found: fly")
    failed = (await ask(plain, "tools/call", {"name": "get_conversation", "arguments": {"conversation_id": 99}}))["error"]
    assert (failed["code"], failed["message"]) == (-32000, "Tool execution error")
    assert failed["data"] == "Conversation not found. list_conversations shows what there is."


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", None])
async def test_whatever_it_says_that_it_sends(plain: httpx.AsyncClient, content_type: str | None) -> None:
    headers = {"content-type": content_type} if content_type else {}
    answer = await plain.post("/mcp", content=b'{"jsonrpc":"2.0","id":1,"method":"tools/list"}', headers=headers)
    assert "result" in answer.json()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        *((body, -32700) for body in (b"", b"{", b"\xff\xfe", b"[" * 20_000, b"9" * 20_000)),
        (rb'{"jsonrpc":"2.0","id":"\ud800","method":7}', -32700),  # no Unicode
        *((body, -32600) for body in (b"[]", b"1", b"null", b'{"jsonrpc":"2.0"}', b'{"id":1,"method":7}')),
        (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600),
        (b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}', -32600),
        (b'{"jsonrpc":"2.0","id":true,"method":"ping"}', -32600),
        (b'{"jsonrpc":"1.0","id":1,"method":"ping"}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":[1]}', -32600),
        (b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]', -32600),
    ],
)
async def test_rubbish_is_refused(plain: httpx.AsyncClient, body: bytes, code: int) -> None:
    answer = await plain.post("/mcp", content=body)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["code"] == code
    assert "\n" not in error["message"]
    assert "validation" not in answer.text.lower()


@pytest.mark.parametrize("arguments", [None, {"limit": None}, {"skip": None, "limit": None}])
async def test_null_is_the_default(plain: httpx.AsyncClient, arguments: dict[str, None] | None) -> None:
    found = await ask(plain, "tools/call", {"name": "list_conversations", "arguments": arguments})
    assert json.loads(found["result"]["content"][0]["text"]) == {"conversations": [], "total": 0, "skip": 0}


async def test_null_is_the_default_of_every_optional_argument(plain: httpx.AsyncClient, database: Database) -> None:
    """What is refused is what the tool says about empty arguments, or the missing of required ones: never a null."""
    for tool in (await ask(plain, "tools/list"))["result"]["tools"]:
        nulls = dict.fromkeys(tool["inputSchema"]["properties"])
        answers = [await ask(plain, "tools/call", {"name": tool["name"], "arguments": some}) for some in (nulls, {})]
        assert answers[0] == answers[1]


@pytest.mark.parametrize("version", [None, "2025-11-25"])
async def test_the_list_of_tools_is_short(plain: httpx.AsyncClient, version: str | None) -> None:
    headers = {"accept": "application/json, text/event-stream"} | ({"mcp-protocol-version": version} if version else {})
    answer = await plain.post("/mcp", json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"}, headers=headers)
    assert len(answer.content) < 15_000, len(answer.content)


async def test_requests_are_small(plain: httpx.AsyncClient) -> None:
    assert (await plain.post("/mcp", content=b" " * (1 << 20) + b"{}")).status_code == 413


async def test_it_says_what_it_is(plain: httpx.AsyncClient) -> None:
    found = (await plain.get("/mcp")).json()
    assert (found["name"], found["transport"]) == ("vivavoce", "streamable-http")
    assert (await plain.get("/mcp", headers={"accept": "text/event-stream"})).status_code == 405
    assert (await plain.get("/")).json()["mcp"] == "/mcp"


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (None, 200),
        (ORIGIN, 200),
        ("{url}", 200),
        ("http://localhost:6274", 403),
        ("http://127.0.0.1", 403),
        ("{url}.evil.example", 403),
        ("{url}@evil.example", 403),
        ("https://evil.example", 403),
        ("null", 403),
    ],
)
async def test_pages_of_others_may_not_call(plain: httpx.AsyncClient, url: str, origin: str | None, status: int) -> None:
    body = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    headers = {} if origin is None else {"origin": origin.format(url=url)}
    assert (await plain.post("/mcp", json=body, headers=headers)).status_code == status
    assert (await plain.get("/mcp", headers=headers)).status_code == status


async def test_a_page_under_another_name_may_not_call(plain: httpx.AsyncClient, url: str) -> None:
    rebound = url.replace("127.0.0.1", "attacker.example")
    headers = {"host": rebound.removeprefix("http://"), "origin": rebound}
    answer = await plain.post("/mcp", json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"}, headers=headers)
    assert answer.status_code == 403
    assert "ALLOWED_HOSTS" in answer.json()["detail"]
