"""Warnings of the MCP server to models and users: transcripts are untrusted, and some tools delete or replace data."""

import json
from typing import get_type_hints

import pytest

from mcp_server import prompts
from mcp_server.server import TOOLS, Server
from mcp_server.stdio import Relay

SPOKEN = ('"text"', '"snippet"', '"content"')
"""Fields of results with transcribed text."""
DESTRUCTIVE = {
    *("delete_speaker", "delete_all_unknown_speakers", "erase_conversation", "erase_speaker"),
    *("merge_speakers", "reprocess_conversation", "undo_last_speaker_change"),
}


@pytest.fixture(params=["http", "stdio"])
def server(request: pytest.FixtureRequest) -> Server:
    return Server() if request.param == "http" else Relay("http://127.0.0.1:9")


async def test_tools_that_replace_or_delete_say_so(server: Server) -> None:
    found = {tool.name: tool.annotations for tool in await server.list_tools()}
    destructive = {name for name, annotations in found.items() if annotations is not None and annotations.destructive_hint}
    assert destructive >= DESTRUCTIVE
    assert not {name for name in destructive if found[name].read_only_hint}  # type: ignore[union-attr]


async def test_everything_that_leads_to_a_transcript_says_that_it_is_untrusted(server: Server) -> None:
    assert "untrusted text" in prompts.UNTRUSTED
    assert prompts.UNTRUSTED in (server.instructions or "")
    schemas = {tool.__name__: json.dumps(get_type_hints(tool)["return"].model_json_schema()) for tool, *_ in TOOLS}
    spoken = {name for name, schema in schemas.items() if any(field in schema for field in SPOKEN)}
    assert spoken >= {"get_conversation", "search_transcripts", "export_transcript"}
    assert {tool.name for tool in await server.list_tools() if prompts.UNTRUSTED in (tool.description or "")} == spoken
    for resource in await server.list_resource_templates():
        assert prompts.UNTRUSTED in (resource.description or "")
    for prompt in await server.list_prompts():
        arguments = {argument.name: "7" for argument in prompt.arguments or []}
        assert prompts.UNTRUSTED in (await server.get_prompt(prompt.name, arguments)).model_dump_json()
