"""Every tool, called by the official TypeScript SDK and by the Inspector over HTTP and stdio: both validate results."""

import json
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from storage.postgres.database import Database
from tests.api.mcp.every_tool import NEED_A_LANGUAGE_MODEL, every_call
from tests.support.node import installed, node
from tests.support.program import BIN

INSPECTOR = Path("node_modules/@modelcontextprotocol/inspector-cli/build/index.js")
LARGEST_TEXT = 0.75
"""Of the structure beside it, as JSON."""


@pytest.fixture(scope="module", autouse=True)
def _installed() -> None:
    installed()


def server(transport: str, url: str) -> list[str]:
    """The arguments by which a client connects."""
    if transport == "http":
        return [f"{url}/mcp"]
    return [str(BIN / "vivavoce"), "mcp", "--url", url]


@pytest.mark.parametrize("transport", ["http", "stdio"])
async def test_every_tool_is_valid(client: Client, url: str, database: Database, transport: str) -> None:
    calls = await every_call(client, url, database)
    found: Any = await node("call_tools.mjs", transport, *server(transport, url), typed=list(calls.items()))
    assert set(found["tools"]) == calls.keys() | NEED_A_LANGUAGE_MODEL
    assert {one["tool"]: one["error"] for one in found["results"] if one["error"]} == {}
    answers = {one["tool"]: one["result"] for one in found["results"]}
    (content,) = answers["get_conversation"]["content"]
    structure = json.dumps(answers["get_conversation"]["structuredContent"], ensure_ascii=False, separators=(",", ":"))
    assert len(content["text"]) < LARGEST_TEXT * len(structure)


@pytest.mark.parametrize("transport", ["http", "stdio"])
async def test_the_inspector_calls_tools(client: Client, url: str, database: Database, transport: str) -> None:
    calls = await every_call(client, url, database)
    connect = [str(INSPECTOR), *server(transport, url), "--transport", transport]
    listed: Any = await node(*connect, "--method", "tools/list")
    assert {tool["name"] for tool in listed["tools"]} == calls.keys() | NEED_A_LANGUAGE_MODEL
    for tool in ("get_conversation", "rename_speaker"):
        typed = [f"{name}={value}" for name, value in calls[tool].items()]
        result: Any = await node(*connect, "--method", "tools/call", "--tool-name", tool, "--tool-arg", *typed)
        assert not result.get("isError")
        assert all(time.endswith("Z") for name, time in result["structuredContent"].items() if name.endswith(("_at", "_time")))
