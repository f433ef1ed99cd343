"""`vivavoce mcp`: the running application's tools over stdin and stdout, for desktop clients.

The tools are listed without the application; each call is forwarded to it. A client that starts before the application shows
the tools, and a call returns instructions. In addition `process_audio` accepts files of this machine and uploads them.
"""

import asyncio
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, TypeVar

import httpx
from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INTERNAL_ERROR,
    CallToolResult,
    InputRequiredResult,
    JSONRPCError,
    JSONRPCResponse,
    ListToolsResult,
    ReadResourceResult,
    Result,
    TextResourceContents,
    Tool,
)
from pydantic import AnyUrl, Field, ValidationError

from mcp_server import arguments as arg
from mcp_server import results
from mcp_server.endpoint import PATH, STREAM
from mcp_server.server import FETCH, Server, add, worded
from mcp_server.tools import processing
from pipeline.decoding import PromptText, Task
from pipeline.types import ChannelMode
from services.context import AppContext
from storage.conversations.conversations import Progress

Kind = TypeVar("Kind", bound=Result)
TIMEOUT = httpx.Timeout(600.0, connect=5.0)  # seconds; the upload of a long recording takes a while


class Relay(Server):
    """Forwards calls to the application at `url`, with `headers` that hold an API key."""

    def __init__(self, url: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__()
        self.url = url.rstrip("/")
        self._headers = headers
        self.remove_tool("process_audio")
        add(self, self.process_audio, FETCH)

    async def list_tools(self) -> list[Tool]:
        """The tools that the application offers to the key's role; all of them while it does not answer."""
        tools = await super().list_tools()
        try:
            offered = {tool.name for tool in (await self._forward("tools/list", {}, ListToolsResult)).tools}
        except (ConnectionError, MCPError):
            return tools
        return [tool for tool in tools if tool.name in offered]

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[AppContext, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        if name == "process_audio" and arguments.get("path"):
            return await super().call_tool(name, arguments, context)
        try:
            result = await self._forward("tools/call", {"name": name, "arguments": arguments}, CallToolResult)
        except ConnectionError as error:
            raise ToolError(str(error)) from error
        return worded(result, context)

    async def read_resource(
        self, uri: AnyUrl | str, context: Context[AppContext, Any] | None = None
    ) -> Iterable[ReadResourceContents]:
        try:
            found = await self._forward("resources/read", {"uri": str(uri)}, ReadResourceResult)
        except ConnectionError as error:
            raise MCPError(INTERNAL_ERROR, str(error)) from error
        texts = (one for one in found.contents if isinstance(one, TextResourceContents))
        return [ReadResourceContents(one.text, one.mime_type) for one in texts]

    async def process_audio(
        self,
        path: Annotated[str, Field(description="An audio or video file on this machine.")] = "",
        url: Annotated[str, Field(max_length=processing.MAX_URL_LENGTH, description="Or the http(s) URL of one.")] = "",
        title: arg.Title = "",
        language: arg.Language = "",
        num_speakers: processing.Speakers = 0,
        channels: ChannelMode = "auto",
        task: Task = "transcribe",
        hotwords: PromptText = "",
        initial_prompt: PromptText = "",
        model: arg.ModelName = "",
        enable_transcription: bool = True,
    ) -> results.Work:
        """Transcribe a recording, from a file on this machine or from a URL, separate its speakers and recognise
        known ones. A long one is still being processed when this returns: call get_conversation for its status and then
        its transcript."""
        if not path:
            raise ToolError("Give the recording's path or its url.")
        file = await asyncio.to_thread(_file, path)
        form = {
            "language": language,
            "num_speakers": str(num_speakers) if num_speakers else "",
            "channels": channels,
            "task": task,
            "hotwords": hotwords,
            "initial_prompt": initial_prompt,
            "model": model,
            "enable_transcription": "" if enable_transcription else "false",
        }
        try:
            progress = await self._upload(file, {name: value for name, value in form.items() if value}, title)
        except ConnectionError as error:
            raise ToolError(str(error)) from error
        return processing.describe(progress)

    async def _upload(self, file: Path, form: dict[str, str], title: str) -> Progress:
        with await asyncio.to_thread(file.open, "rb") as content:
            upload = {"audio_file": (file.name, content)}
            answer = await self._send("POST", "/api/v1/process", params={"wait": "false"}, data=form, files=upload)
        try:
            progress = Progress(answer["id"], answer["status"], None, answer["progress"], None)
        except KeyError as error:
            raise self._wrong_url() from error
        if title:
            await self._send("PATCH", f"/api/v1/conversations/{progress.id}", json={"title": title})
        return progress

    async def _forward(self, method: str, params: dict[str, Any], kind: type[Kind]) -> Kind:
        """The result of a JSON-RPC request. Raises MCPError for an error answer, ConnectionError without an answer."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        answer = await self._send("POST", PATH, json=body, headers={"Accept": f"application/json, {STREAM}"})
        try:
            if "error" in answer:
                error = JSONRPCError.model_validate(answer).error
                raise MCPError(error.code, error.message, error.data)
            return kind.model_validate(JSONRPCResponse.model_validate(answer).result)
        except ValidationError as fault:
            raise self._wrong_url() from fault

    async def _send(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        try:
            async with httpx.AsyncClient(base_url=self.url, headers=self._headers, timeout=TIMEOUT, trust_env=False) as client:
                response = await client.request(method, path, **request)
            answer = response.json()
        except (ValueError, httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.DecodingError) as error:
            raise self._wrong_url() from error
        except httpx.TransportError as error:
            raise ConnectionError(
                f"Vivavoce does not answer at {self.url}. Start it with `vivavoce serve`, wait until it says that it is ready, "
                "and try again."
            ) from error
        if not isinstance(answer, dict):
            raise self._wrong_url()
        if response.status_code >= HTTPStatus.BAD_REQUEST and "error" not in answer:
            raise ConnectionError(f"Vivavoce refused: {answer.get('detail', response.reason_phrase)}")
        return answer

    def _wrong_url(self) -> ConnectionError:
        return ConnectionError(f"{self.url} is not the address of Vivavoce; give `vivavoce mcp` another --url.")


def _file(path: str) -> Path:
    file = Path(path).expanduser()
    if not file.is_file():
        raise ToolError(f"There is no file {path}. Give its whole path.")
    return file
