"""`vivavoce mcp`, as a desktop client runs it."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.server.mcpserver.exceptions import ToolError
from mcp.shared.exceptions import MCPError
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from mcp_server.server import TOOLS
from mcp_server.stdio import Relay
from services.identity import transcripts
from storage.conversations import conversations
from storage.postgres.database import Database
from storage.tables.jobs import JobRow
from tests.api.mcp.conftest import held
from tests.api.mcp.every_tool import every_call
from tests.storage.transcripts import RULES, transcript, voice
from tests.support.fixed_stages import sound
from tests.support.ports import free_port
from tests.support.program import BIN, environment
from tests.support.serving import serving


def desktop(url: str) -> Client:
    command = StdioServerParameters(command=str(BIN / "vivavoce"), args=["mcp", "--url", url], cwd="/", env=environment())
    return Client(stdio_client(command))


@pytest.fixture
async def client(url: str) -> AsyncIterator[Client]:
    async with held(desktop(url)) as client:
        yield client


async def call(client: Client, tool: str, **arguments: Any) -> tuple[bool, Any]:
    result = await client.call_tool(tool, arguments)
    return result.is_error, result.structured_content or result.content[0].text  # type: ignore[union-attr]


async def test_a_desktop_client_uses_the_running_application(client: Client, database: Database, tmp_path: Path) -> None:
    assert {tool.name for tool in (await client.list_tools()).tools} == {tool.__name__ for tool, *_ in TOOLS}
    async with database.session() as session:
        id_ = await conversations.create(session, "A talk", None, "flac")
        await transcripts.save(session, id_, transcript([voice(1)]), RULES)
    _, latest = await call(client, "get_latest_segments")
    failed, done = await call(client, "identify_speaker_in_segment", segment_id=latest["segments"][0]["id"], speaker_name="Ada")
    assert not failed
    assert done["segments_updated"] == 4
    assert await call(client, "get_conversation", conversation_id=99) == (
        True,
        "Conversation not found. list_conversations shows what there is.",
    )
    (content,) = (await client.read_resource(f"conversation://{id_}")).contents
    assert "**Ada**" in content.text  # type: ignore[union-attr]

    file = tmp_path / "parrots.wav"
    file.write_bytes(sound())
    failed, accepted = await call(client, "process_audio", path=str(file), title="Parrots", num_speakers=1)
    assert not failed
    assert "get_conversation" in accepted["message"]
    _, read = await call(client, "get_conversation", conversation_id=accepted["conversation_id"])
    assert read["title"] == "Parrots"
    assert await call(client, "process_audio", path="/nowhere.wav") == (
        True,
        "There is no file /nowhere.wav. Give its whole path.",
    )
    (tmp_path / "letter.wav").write_text("Dear Ada")
    failed, text = await call(client, "process_audio", path=str(tmp_path / "letter.wav"))
    assert failed
    assert "refused" in text


@pytest.mark.parametrize("source", ["path", "url"])
async def test_task_and_prompts_are_stored_with_the_job(
    client: Client, url: str, database: Database, tmp_path: Path, source: str
) -> None:
    file = tmp_path / "parrots.wav"
    file.write_bytes(sound())
    where = {"path": str(file)} if source == "path" else {"url": f"{url}/talk.wav"}
    asked = {"task": "translate", "hotwords": "Siobhán", "initial_prompt": "A talk."}
    failed, accepted = await call(client, "process_audio", **where, **asked, model="turbo", enable_transcription=False)
    assert not failed, accepted
    async with database.session() as session:
        (stored,) = await session.scalars(select(JobRow.options))
    assert (asked | {"model": "large-v3-turbo", "enabled": False}).items() <= stored["decoding"].items()


async def test_every_tool_answers(client: Client, url: str, database: Database) -> None:
    """All tools of a desktop client work as over HTTP."""
    calls = await every_call(client, url, database)
    answers = {tool: await call(client, tool, **arguments) for tool, arguments in calls.items()}
    assert [answer for answer in answers.values() if answer[0]] == []
    assert answers["reprocess_conversation"][1]["message"] == "Conversation reprocessed"
    assert (answers["erase_conversation"][1]["pending"], answers["erase_speaker"][1]["pending"]) == ([], [])


async def test_without_the_application_it_says_what_to_do() -> None:
    async with desktop(f"http://127.0.0.1:{free_port()}") as client:
        assert len((await client.list_tools()).tools) == len(TOOLS)
        assert (await client.get_prompt("summarise_conversation", {})).messages
        failed, text = await call(client, "list_speakers")
    assert failed
    assert "Start it with `vivavoce serve`" in text


@pytest.fixture
async def stranger() -> AsyncIterator[tuple[str, list[Any]]]:
    """An HTTP server that is not the application, and the answer that it gives to each request."""
    answer: list[Any] = [None]

    async def reply(_: Request) -> JSONResponse:
        return JSONResponse(answer[0])

    async with serving(Starlette(routes=[Route("/{path:path}", reply, methods=["POST"])])) as address:
        yield address, answer


async def check_wrong(url: str, file: Path) -> None:
    relay, sentence = Relay(url), f"^{re.escape(url)} is not the address of Vivavoce; give `vivavoce mcp` another --url"
    assert len(await relay.list_tools()) == len(TOOLS)
    with pytest.raises(ToolError, match=sentence):
        await relay.call_tool("list_speakers", {})
    with pytest.raises(MCPError, match=sentence):
        await relay.read_resource("conversation://1")
    with pytest.raises(ToolError, match=sentence):
        await relay.process_audio(str(file))


async def test_an_answer_of_another_program_names_the_remedy(stranger: tuple[str, list[Any]], tmp_path: Path) -> None:
    url, answer = stranger
    file = tmp_path / "parrots.wav"
    file.write_bytes(sound())
    wrong = {"jsonrpc": "2.0", "id": 1, "result": {"tools": 1}}
    answers: list[Any] = [[], {}, "yes", {"error": "no"}, wrong]
    for value in answers:
        answer[0] = value
        await check_wrong(url, file)


@pytest.mark.parametrize("url", ["localhost:9", "http://host:port", "http://::1:8000", "http://[::1"])
async def test_an_address_that_is_no_url_names_the_remedy(url: str, tmp_path: Path) -> None:
    file = tmp_path / "parrots.wav"
    file.write_bytes(sound())
    await check_wrong(url, file)
