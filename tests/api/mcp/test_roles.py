"""Tools by role."""

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from mcp_server.server import ROLES, TOOLS
from pipeline.access import Role
from storage.access import keys
from storage.postgres.database import Database
from tests.api.mcp.conftest import held
from tests.support.program import ROOT

MANUAL = ROOT / "docs" / "mcp.md"
FORBIDDEN = {
    Role.READER: {
        *("delete_speaker", "rename_speaker", "process_audio", "undo_last_speaker_change"),
        *("correct_emotion", "correct_transcript"),
    },
    Role.WRITER: {"delete_speaker", "delete_all_unknown_speakers"},
    Role.ADMIN: set[str](),
}


@pytest.fixture
async def clients(url: str, database: Database) -> AsyncIterator[dict[Role, httpx.AsyncClient]]:
    found = {}
    for role in Role:
        async with database.session() as session:
            key, _ = await keys.create(session, role, role)
        found[role] = httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=120)
    yield found
    for client in found.values():
        await client.aclose()


def test_each_tool_has_a_role() -> None:
    assert ROLES.keys() == {tool.__name__ for tool, *_ in TOOLS}
    for tool, annotations, role in TOOLS:
        assert (role is Role.READER) == bool(annotations.read_only_hint), tool
        if "delete" in tool.__name__:
            assert role is Role.ADMIN, tool


def test_the_documentation_names_the_tools_of_administrators() -> None:
    sentence = re.search(r"with `writer` all others as well\s+except (.*?), which need `admin`", MANUAL.read_text(), re.DOTALL)
    assert sentence is not None
    assert set(re.findall(r"`(\w+)`", sentence[1])) == {name for name, role in ROLES.items() if role is Role.ADMIN}


async def post(client: httpx.AsyncClient, method: str, **params: Any) -> Any:
    headers = {"Accept": "application/json, text/event-stream"}
    answer = await client.post("/mcp", json={"jsonrpc": "2.0", "id": 1, "method": method, "params": params}, headers=headers)
    return answer.json()


async def test_a_client_sees_and_calls_the_tools_of_its_role(clients: dict[Role, httpx.AsyncClient]) -> None:
    for role, client in clients.items():
        seen = {tool["name"] for tool in (await post(client, "tools/list"))["result"]["tools"]}
        assert seen == {name for name, needed in ROLES.items() if role.includes(needed)}
        assert not seen & FORBIDDEN[role]
        assert "list_conversations" in seen
        for name in ROLES.keys() - seen:
            result = (await post(client, "tools/call", name=name, arguments={}))["result"]
            assert result["isError"], name
            assert f"role '{ROLES[name]}'" in result["content"][0]["text"]
        for name in seen:  # with wrong arguments, or an id that does not exist: the role is enough
            answer = await post(client, "tools/call", name=name, arguments={"speaker_id": 99})
            assert "role" not in str(answer.get("result", {}).get("content")), name


async def test_a_wrong_key_is_refused(url: str) -> None:
    async with httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer vv_{'A' * 43}"}, timeout=120) as client:
        answer = await client.post("/mcp", json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"})
        assert answer.status_code == 401
        assert (await client.get("/mcp")).status_code == 401


async def test_the_official_client_works_with_a_key(url: str, database: Database) -> None:
    async with database.session() as session:
        key, _ = await keys.create(session, "agent", Role.READER)
    transport = httpx2.AsyncClient(headers={"Authorization": f"Bearer {key}"}, timeout=120)
    async with transport, held(Client(streamable_http_client(f"{url}/mcp", http_client=transport))) as client:
        assert "search_transcripts" in {tool.name for tool in (await client.list_tools()).tools}
        assert (await client.list_prompts()).prompts
        assert (await client.call_tool("rename_speaker", {"speaker_id": 1, "new_name": "Ada"})).is_error
