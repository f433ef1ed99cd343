"""The MCP server: its tools, and the form of answers and errors."""

import inspect
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import cache
from importlib.metadata import version
from typing import Any

from mcp.server import MCPServer
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import (
    ResourceError,
    ResourceNotFoundError,
    ToolError,
    UnexpectedResourceError,
    UnexpectedToolError,
)
from mcp.server.mcpserver.tools import Tool as RegisteredTool
from mcp.shared.exceptions import MCPError
from mcp_types import METHOD_NOT_FOUND, CallToolResult, InputRequiredResult, TextContent, Tool, ToolAnnotations
from mcp_types.version import is_version_at_least
from pydantic import AnyUrl, ValidationError

from mcp_server import listing, markdown, prompts, result_text
from mcp_server.backend import Work, visible_only
from mcp_server.tools import conversations as talks
from mcp_server.tools import editing, erasure, memory, processing, segments, speakers
from pipeline.access import Role
from services import failures
from services.access import audit
from services.access.actor import actor
from services.access.visibility import check_conversations
from services.context import AppContext
from settings import NAME
from storage.conversations import conversations
from storage.conversations import segments as stored_segments
from storage.postgres import database

logger = logging.getLogger("ray.serve")

INSTRUCTIONS = f"""Vivavoce stores conversations: transcripts in which every segment has a speaker with a lasting name and an
emotion. Search with search_transcripts, read with get_conversation or get_latest_segments. When the user names an Unknown_NN,
call identify_speaker_in_segment with a segment of that voice: it is renamed in all conversations, past and future. Times are
UTC, offsets are seconds from the start of a recording. {prompts.UNTRUSTED}"""

# Without a hint a tool changes and destroys things, and reaches out to an open world.
READ = ToolAnnotations(read_only_hint=True, open_world_hint=False)
CHANGE = ToolAnnotations(destructive_hint=False, open_world_hint=False)
DESTROY = ToolAnnotations(destructive_hint=True, open_world_hint=False)
FETCH = ToolAnnotations(destructive_hint=False)

TOOLS: Sequence[tuple[Callable[..., Any], ToolAnnotations, Role]] = (
    (talks.list_conversations, READ, Role.READER),
    (talks.get_latest_segments, READ, Role.READER),
    (speakers.identify_speaker_in_segment, CHANGE, Role.WRITER),
    (speakers.list_speakers, READ, Role.READER),
    (speakers.rename_speaker, CHANGE, Role.WRITER),
    (speakers.delete_speaker, DESTROY, Role.ADMIN),
    (speakers.delete_all_unknown_speakers, DESTROY, Role.ADMIN),
    (talks.get_conversation, READ, Role.READER),
    (processing.reprocess_conversation, DESTROY, Role.WRITER),
    (talks.update_conversation_title, CHANGE, Role.WRITER),
    (talks.search_conversations_by_speaker, READ, Role.READER),
    (segments.search_transcripts, READ, Role.READER),
    (memory.ask_memory, READ, Role.READER),
    (segments.correct_emotion, CHANGE, Role.WRITER),
    (editing.correct_transcript, CHANGE, Role.WRITER),
    (speakers.merge_speakers, DESTROY, Role.WRITER),
    (speakers.undo_last_speaker_change, DESTROY, Role.WRITER),
    (speakers.speaker_statistics, READ, Role.READER),
    (talks.export_transcript, READ, Role.READER),
    (talks.get_live_conversation, READ, Role.READER),
    (processing.process_audio, FETCH, Role.WRITER),
    (erasure.erase_conversation, DESTROY, Role.ADMIN),
    (erasure.erase_speaker, DESTROY, Role.ADMIN),
)
"""The eleven tools of the reference system in its order, then the additional ones; each with the role that it needs."""
ROLES: Mapping[str, Role] = {tool.__name__: role for tool, _, role in TOOLS}
TRANSCRIPTS = frozenset(
    {
        talks.get_conversation,
        talks.get_latest_segments,
        talks.get_live_conversation,
        talks.update_conversation_title,
        talks.export_transcript,
        editing.correct_transcript,
        segments.search_transcripts,
        memory.ask_memory,
    }
)
"""Tools that return speech. Their descriptions warn the model of it."""

TOOL_FAILED = -32000
"""The reference system's JSON-RPC code for a tool that failed."""
MAX_RESOURCE_SEGMENTS = 2000
"""Limit for a conversation that is read as a resource."""

Lifespan = Callable[[MCPServer[AppContext]], AbstractAsyncContextManager[AppContext]]


class Server(MCPServer[AppContext]):
    """`MCPServer` with the tools, resources and prompts. Errors are one sentence.

    Without `lifespan` it can only list them.
    """

    def __init__(self, lifespan: Lifespan | None = None) -> None:
        super().__init__(
            NAME,
            title="Vivavoce",
            instructions=" ".join(INSTRUCTIONS.split()),
            version=version(NAME),
            lifespan=lifespan,
            subscriptions=False,
            middleware=[_errors_for_old_clients],
            log_level="WARNING",
            tools=list(_tools()),
        )
        self.resource(
            "conversation://{conversation_id}",
            title="Conversation",
            description=f"The transcript of a conversation as Markdown, by its id. {prompts.UNTRUSTED}",
            mime_type="text/markdown",
        )(read_conversation)
        self.prompt(title="Summarise a conversation")(prompts.summarise_conversation)
        self.prompt(title="Who said what about …")(prompts.who_said_what)

    async def list_tools(self) -> list[Tool]:
        """The tools that the role of the caller includes."""
        role = actor().principal.role
        return [_compact(tool) for tool in await super().list_tools() if role.includes(ROLES[tool.name])]

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[AppContext, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        if name not in ROLES:
            raise MCPError(METHOD_NOT_FOUND, f"Tool not found: {name}")
        role = actor().principal.role
        if not role.includes(ROLES[name]):
            await _record(context, name, audit.DENIED)
            raise ToolError(f"{name} needs the role '{ROLES[name]}', and yours is '{role}': ask an administrator.")
        try:
            given = {key: value for key, value in arguments.items() if value is not None}
            result = await super().call_tool(name, given, context)
        except UnexpectedToolError as error:
            await _record(context, name, audit.FAILED)
            if (failed := _failure(error)) is not None:
                raise ToolError(failed) from error.__cause__
            raise UnexpectedToolError(f"{name} failed on the server, whose log says why. Try something else.") from error
        except ToolError as error:
            await _record(context, name, audit.FAILED)
            raise ToolError(_sentence(error)) from error.__cause__
        return worded(result, context) if isinstance(result, CallToolResult) else result

    async def read_resource(
        self, uri: AnyUrl | str, context: Context[AppContext, Any] | None = None
    ) -> Iterable[ReadResourceContents] | InputRequiredResult:
        try:
            return await super().read_resource(uri, context)
        except UnexpectedResourceError as error:
            if (failed := _failure(error)) is not None:
                raise ResourceError(failed) from error.__cause__
            raise


async def _record(context: Context[AppContext, Any] | None, tool: str, outcome: str) -> None:
    """Record that a tool was refused, or, if it would have changed something, that it failed."""
    backend = None if context is None else context.request_context.lifespan_context
    if not isinstance(backend, AppContext) or (outcome == audit.FAILED and ROLES[tool] is Role.READER):
        return  # without a backend it is the client's end: the server records what reaches it
    try:
        await audit.record_alone(backend.database, "tool", tool, outcome)
    except database.FAILURES as error:  # the client gets its answer
        logger.warning("A refused call of a tool could not be recorded: %s", type(error).__name__)


@cache
def _tools() -> tuple[RegisteredTool, ...]:
    """The tools of all servers in this process. Their schemas are built once, which takes 70 ms."""
    return tuple(
        RegisteredTool.from_function(visible_only(tool), description=_description(tool), annotations=annotations)
        for tool, annotations, _ in TOOLS
    )


def add(server: MCPServer[AppContext], tool: Callable[..., Any], annotations: ToolAnnotations) -> None:
    """Add a tool, described by its docstring."""
    server.add_tool(visible_only(tool), description=_description(tool), annotations=annotations)


def _description(tool: Callable[..., Any]) -> str:
    description = " ".join((inspect.getdoc(tool) or "").split())
    return f"{description} {prompts.UNTRUSTED}" if tool in TRANSCRIPTS else description


def _compact(tool: Tool) -> Tool:
    schemas = {
        "input_schema": listing.arguments(tool.input_schema),
        "output_schema": listing.result(tool.output_schema or {}),
    }
    return tool.model_copy(update=schemas)


def worded(result: CallToolResult, context: Context[AppContext, Any] | None) -> CallToolResult:
    """The result with a text, for clients that do not pass structured content to the model."""
    if (found := result.structured_content) is None:
        return result
    version = None if context is None else context.protocol_version
    reads_structure = version is not None and is_version_at_least(version, result_text.STRUCTURE_SINCE)
    text = result_text.table(found) if reads_structure else result_text.compact_json(found)
    return result.model_copy(update={"content": [TextContent(type="text", text=text)]})


async def read_conversation(conversation_id: str, ctx: Work) -> str:
    """The resource `conversation://{conversation_id}`."""
    id_ = int(conversation_id) if conversation_id.isdecimal() and len(conversation_id) < 10 else 0
    backend = ctx.request_context.lifespan_context
    missing = ResourceNotFoundError(f"There is no conversation {conversation_id[:40]!r}; list_conversations shows which.")
    try:
        await check_conversations(backend.database, [id_])
    except LookupError:
        raise missing from None
    async with backend.database.session() as session:
        found = await conversations.summary(session, id_)
        page = await stored_segments.page(session, id_, 0, MAX_RESOURCE_SEGMENTS)
    if found is None:
        raise missing
    return markdown.render(found, page)


async def _errors_for_old_clients(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Return a failed tool call as a JSON-RPC error to old clients, which do not accept event streams."""
    result = await call_next(ctx)
    headers = getattr(ctx.request, "headers", None)
    if ctx.method != "tools/call" or headers is None or "text/event-stream" in headers.get("accept", ""):
        return result
    if isinstance(result, dict) and result.get("isError"):
        raise MCPError(TOOL_FAILED, "Tool execution error", " ".join(part.get("text", "") for part in result["content"]))
    return result


def _failure(error: UnexpectedToolError | UnexpectedResourceError) -> str | None:
    """The sentence of a failure that is not an error in this program; None for any other."""
    found = None if error.__cause__ is None else failures.classify(error.__cause__)
    return None if found is None else found.sentence


def _sentence(error: ToolError) -> str:
    cause = error.__cause__
    if isinstance(cause, ValidationError):
        faults = (f"{'.'.join(map(str, fault['loc'][:1]))}: {fault['msg']}" for fault in cause.errors(include_url=False))
        return f"The arguments are wrong. {'; '.join(faults)}."
    return str(cause or error)
