"""The context of the tools, the objects that they may access, and the messages of refusals."""

import inspect
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError

from engines.weights.whisper_models import ModelError
from media.decoding import AudioError
from services.access.visibility import check_conversations, check_segment
from services.context import AppContext
from services.editing.errors import EditError
from services.errors import SegmentNotFoundError
from services.fetch import FetchError
from services.identity.corrections import CorrectionError
from services.identity.identification import IdentificationError
from services.identity.speaker_admin import SameSpeakerError
from services.identity.undo import UndoError
from services.llm.errors import LlmError, LlmUnavailableError
from storage.conversations.conversations import ConversationBusyError
from storage.jobs.limit import QueueFullError
from storage.search.search import SearchError
from storage.speakers.speaker_queries import NoSuchNameError
from storage.speakers.speakers import NameTakenError, SpeakerNotFoundError

Work = Context[AppContext, Any]
"""The context parameter of a tool."""

SPEAKERS = "list_speakers shows who is known, with ids."
SEGMENTS = "Segment ids are in the results of search_transcripts, get_latest_segments and get_conversation."
HINTS: dict[type[Exception], str] = {
    SpeakerNotFoundError: SPEAKERS,
    NoSuchNameError: SPEAKERS,
    SegmentNotFoundError: SEGMENTS,
    NameTakenError: "If both are one person, use merge_speakers.",
    ConversationBusyError: "Wait until its status in get_conversation is 'completed'.",
    LookupError: "list_conversations shows what there is.",
    **dict.fromkeys((AudioError, CorrectionError, EditError, FetchError, IdentificationError, ModelError), ""),
    **dict.fromkeys((SameSpeakerError, SearchError, UndoError), ""),
    QueueFullError: "",
    LlmError: "",
    LlmUnavailableError: "",
}
"""Advice for the model, for each exception that refuses a tool call. The first match applies."""


@contextmanager
def work(ctx: Work) -> Iterator[AppContext]:
    """The application context; a refusal within the block becomes a ToolError with advice."""
    try:
        yield ctx.request_context.lifespan_context
    except (KeyError, IndexError):  # LookupErrors that are bugs
        raise
    except tuple(HINTS) as error:
        hint = next(hint for kind, hint in HINTS.items() if isinstance(error, kind))
        raise ToolError(f"{str(error).rstrip('.')}. {hint}".strip()) from error


def visible_only(tool: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """The tool, which answers as if a conversation that the principal does not see did not exist, nor its segments."""
    if not {"conversation_id", "segment_id"} & inspect.signature(tool).parameters.keys():
        return tool

    @wraps(tool)
    async def checked(**arguments: Any) -> Any:
        with work(arguments["ctx"]) as backend:
            if (conversation_id := arguments.get("conversation_id")) is not None:
                await check_conversations(backend.database, [conversation_id])
            if (segment_id := arguments.get("segment_id")) is not None:
                await check_segment(backend.database, segment_id)
        return await tool(**arguments)

    return checked
