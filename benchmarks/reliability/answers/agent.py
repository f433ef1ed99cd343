"""Model Context Protocol: the official client, over HTTP and over stdio (`vivavoce mcp`), and a client that posts JSON-RPC."""

import asyncio
import json
from collections.abc import Awaitable
from typing import Any

from mcp import Client, StdioServerParameters
from mcp.shared.exceptions import MCPError
from mcp_types import Tool
from pydantic import BaseModel

from benchmarks.reliability.answers import live
from benchmarks.reliability.answers.people import state
from benchmarks.reliability.answers.scene import NOBODY, ORIGIN, Scene

WRONG: dict[str, Any] = {"integer": "x", "string": ["x"], "boolean": "maybe"}
"""For each type a value that it does not take."""
SAMPLE: dict[str, Any] = {"integer": NOBODY, "string": "x", "boolean": True}
MAX_REQUEST_BYTES = 2**20


class Agent:
    """The official client. Its exchanges are recorded, named after the transport where it is not HTTP."""

    def __init__(self, scene: Scene, client: Client, transport: str = "") -> None:
        self.recorder = scene.recorder
        self._client = client
        self._transport = transport

    async def call(self, tool: str, arguments: dict[str, Any] | None = None, **named: Any) -> None:
        given = named if arguments is None else arguments
        answer = await self.keep(f"tools/call {tool}", given, self._client.call_tool(tool, given))
        if answer is not None and not answer["isError"]:
            self.recorder.tools.add(tool)

    async def keep(self, method: str, request: Any, answer: Awaitable[BaseModel]) -> dict[str, Any] | None:
        """The result of the protocol, a JSON text as its value; None where it is an error of the protocol."""
        try:
            found = (await answer).model_dump(mode="json", by_alias=True, exclude_none=True)
        except MCPError as error:
            self.recorder.keep(f"MCP {self._transport}{method}", request, {"error": error.error.model_dump(mode="json")})
            return None
        for content in found.get("content", ()):
            if "structuredContent" in found:
                content["text"] = json.loads(content["text"])
        for content in found.get("contents", ()):
            content["text"] = content["text"].splitlines()
        self.recorder.keep(f"MCP {self._transport}{method}", request, found)
        return found


def agent(scene: Scene) -> None:
    asyncio.run(_agent(scene))
    _old_client(scene)
    state(scene)


async def _agent(scene: Scene) -> None:
    recorder = scene.recorder
    async with Client(f"{recorder.address}/mcp") as client:
        found = Agent(scene, client)
        info = {"info": client.server_info, "capabilities": client.server_capabilities}
        told = {name: value.model_dump(mode="json", exclude_none=True) for name, value in info.items() if value is not None}
        recorder.keep("MCP server", None, told | {"instructions": client.instructions})
        tools = (await client.list_tools()).tools
        await found.keep("tools/list", None, client.list_tools())
        await found.keep("resources/list", None, client.list_resources())
        await found.keep("resources/templates/list", None, client.list_resource_templates())
        await found.keep("prompts/list", None, client.list_prompts())
        call = recorder.conversation("call.flac")
        for uri in (f"conversation://{call}", f"conversation://{NOBODY}", "conversation://x", "file:///etc/passwd"):
            await found.keep("resources/read", uri, client.read_resource(uri))
        for prompt, arguments in (
            *(("summarise_conversation", {}), ("summarise_conversation", {"conversation_id": "1"}), ("who_said_what", {})),
            *(("who_said_what", {"topic": "Chicago"}), ("who_said_what", {"topic": "a", "conversation_id": "1"}), ("sing", {})),
        ):
            await found.keep("prompts/get", [prompt, arguments], client.get_prompt(prompt, arguments))
        await _wrong_arguments(found, tools)
        await _read(found, scene, call)
        await _change(found, scene, call)
        await _while_recording(found, scene)
    async with Client(StdioServerParameters(command=str(scene.program), args=["mcp", "--url", recorder.address])) as client:
        found = Agent(scene, client, "stdio ")
        await found.keep("tools/list", None, client.list_tools())
        await found.call("get_conversation", conversation_id=call, limit=1)
        await found.call("get_conversation")
        await found.call("sing")
        await found.keep("resources/read", f"conversation://{call}", client.read_resource(f"conversation://{call}"))


async def _wrong_arguments(agent: Agent, tools: list[Tool]) -> None:
    """Each parameter of each tool with a value of another type."""
    await agent.call("sing")
    for tool in tools:
        parameters: dict[str, Any] = tool.input_schema.get("properties", {})
        required = {name: SAMPLE[kind_of(parameters[name])] for name in tool.input_schema.get("required", ())}
        for name, parameter in parameters.items():
            await agent.call(tool.name, required | {name: WRONG[kind_of(parameter)]})
            if bounds := [parameter[key] for key in ("maximum", "minimum") if key in parameter]:
                await agent.call(tool.name, required | {name: bounds[0] + 1})
        if required:
            await agent.call(tool.name, {})


def kind_of(schema: dict[str, Any]) -> str:
    """The JSON type of a parameter, of the first alternative where there are several."""
    kind: str = schema["type"] if "type" in schema else kind_of(schema["anyOf"][0]) if "anyOf" in schema else "string"
    return kind


async def _read(agent: Agent, scene: Scene, call: int) -> None:
    newest = {"conversation_id": "latest"}
    asked: dict[str, list[dict[str, Any]]] = {
        "list_conversations": [{}, {"skip": 1, "limit": 2}],
        "get_conversation": [
            {"conversation_id": call},
            {"conversation_id": call, "skip": 2, "limit": 3},
            {"conversation_id": NOBODY},
        ],
        "get_latest_segments": [{}, newest, {"conversation_id": call, "limit": 2}, {"conversation_id": NOBODY}],
        "get_live_conversation": [{}],
        "search_conversations_by_speaker": [
            {"speaker_name": "ada"},
            {"speaker_name": "Diane", "limit": 1},
            {"speaker_name": "Nobody"},
        ],
        "search_transcripts": [
            *({"query": "Chicago"}, {"query": "originally from", "speaker": "Diane"}, {"emotion": "neutral", "limit": 2}),
            *(
                {"query": "zzz"},
                {"speaker": "Nobody"},
                {"since": "2100-01-01"},
                {"query": "the", "order": "oldest", "limit": 2},
            ),
        ],
        "speaker_statistics": [
            *({"speaker_name": "Ada"}, {"conversation_id": call}, {"speaker_name": "Diane", "conversation_id": call}, {}),
            *({"speaker_name": "Ben", "conversation_id": call}, {"conversation_id": NOBODY}, {"speaker_name": "Nobody"}),
        ],
        "export_transcript": [
            *({"conversation_id": call, "format": kind} for kind in ("srt", "vtt", "txt", "csv", "rttm", "doc")),
            {"conversation_id": NOBODY},
        ],
        "list_speakers": [{}, {"query": "a", "limit": 2}, {"query": "nobody"}],
    }
    for tool, calls in asked.items():
        for arguments in calls:
            await agent.call(tool, arguments)


async def _change(agent: Agent, scene: Scene, call: int) -> None:
    recorder = scene.recorder
    lines = [segment["id"] for segment in recorder.segments(call)]
    unknown = next(
        one for one in recorder.segments(recorder.conversation("Live WebM")) if one["speaker_name"].startswith("Unknown")
    )
    jack = {"segment_id": unknown["id"], "speaker_name": "Jack"}
    for arguments in (
        *(
            jack,
            {"segment_id": NOBODY, "speaker_name": "Jack"},
            {"segment_id": lines[0], "speaker_name": "Kim", "auto_enroll": False},
        ),
        *({"segment_id": str(lines[0]), "conversation_id": str(call), "speaker_name": "ada"}, jack | {"conversation_id": call}),
    ):
        await agent.call("identify_speaker_in_segment", arguments)
    name = str(recorder.segments(recorder.conversation("Live WebM"))[0]["speaker_name"])
    ada, ben, other = (recorder.speaker(one) for one in ("Ada", "Ben", name))
    for speaker, new in ((other, "John"), (other, "Ada"), (NOBODY, "Ida")):
        await agent.call("rename_speaker", speaker_id=speaker, new_name=new)
    for speaker, into in ((ben, ada), (ada, ada), (NOBODY, ada)):
        await agent.call("merge_speakers", speaker_id=speaker, into_speaker_id=into)
    await agent.call("undo_last_speaker_change")
    for arguments in (
        *({"segment_id": lines[2], "emotion": "surprised"}, {"segment_id": lines[2], "emotion": "neutral", "learn": False}),
        *({"segment_id": NOBODY, "emotion": "sad"}, {"segment_id": lines[2], "emotion": "sad", "conversation_id": call}),
    ):
        await agent.call("correct_emotion", arguments)
    for conversation, title in ((call, "Uploaded: call.flac, retold"), (NOBODY, "a"), (call, "x" * 1001)):
        await agent.call("update_conversation_title", conversation_id=conversation, title=title)
    for name in ("short.flac", "nowhere.mp3", "rubbish.mp3"):  # short, since the tool does not wait for the end of long work
        await agent.call("process_audio", url=scene.url(name), title="By agent", language="en", num_speakers=1)
    for arguments in ({"url": "ftp://a.example/b"}, {"url": scene.url("ada2.flac"), "language": "klingon"}):
        await agent.call("process_audio", arguments)
    for conversation in (recorder.conversation("By agent"), NOBODY):
        await agent.call("reprocess_conversation", conversation_id=conversation)
    for speaker in (other, NOBODY):
        await agent.call("delete_speaker", speaker_id=speaker)
    await agent.call("delete_all_unknown_speakers")
    await agent.call("undo_last_speaker_change")


async def _while_recording(agent: Agent, scene: Scene) -> None:
    with live.stream(scene.recorder, "for the agent") as one:
        one.start(**live.ENGLISH, title="Live for the agent", speaker_update=True)
        one.play(live.samples(scene.files["ben2.flac"]))
        one.play(live.samples(scene.files["silence.wav"]))
        heard = [message["data"] for message in one.messages if message["type"] == "segment"] or [one.until("segment")]
        for arguments in ({}, {"limit": 1}, {"after_segment_id": 0}, {"after_segment_id": heard[-1]["segment_id"]}):
            await agent.call("get_live_conversation", arguments)
        one.stop()


def _old_client(scene: Scene) -> None:
    """Clients of the system that this one replaces send no handshake and accept no streams."""
    recorder = scene.recorder
    plain = {"Accept": "application/json"}
    initialize = {"protocolVersion": "2024-11-05", "capabilities": {}, "clientInfo": {"name": "old", "version": "1"}}
    for method, params in (
        *(("initialize", initialize), ("ping", {}), ("tools/list", {}), ("tools/fly", {}), ("tools/call", {"name": "fly"})),
        ("tools/call", {"name": "get_conversation", "arguments": {"conversation_id": NOBODY}}),
        ("tools/call", {"name": "get_conversation", "arguments": {"conversation_id": 1, "limit": 1}}),
    ):
        recorder.call("POST", "/mcp", json={"jsonrpc": "2.0", "id": 7, "method": method, "params": params}, headers=plain)
    recorder.call("POST", "/mcp", json={"jsonrpc": "2.0", "method": "notifications/initialized"}, headers=plain)
    for content in (b"", b"{", b"[]", b"1", b'{"id":1,"method":7}', b"\xff\xfe", b"null", b" " * MAX_REQUEST_BYTES + b"{}"):
        recorder.call("POST", "/mcp", content=content, headers=plain)
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    for origin in (ORIGIN, "http://localhost:6274", "https://evil.example", "null"):
        recorder.call("POST", "/mcp", json=ping, headers={"Origin": origin, **plain})
    recorder.call("POST", "/mcp/", json=ping, headers=plain)
    for headers in (plain, {"Accept": "text/event-stream"}):
        recorder.call("GET", "/mcp", headers=headers)
    recorder.call("DELETE", "/mcp")
