"""`/mcp/sse`, which the reference system has beside `/mcp`: its GET is a stream that only says that the server is there.

The HTTP+SSE transport of MCP 2024-11-05 is not served, as in the reference system: it answers a POST on another connection,
which may be at another replica. Its clients get a sentence that says so; without one they would wait for their first answer.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from mcp_server.endpoint import PATH, STREAM, Endpoint
from services.context import AppContext

SSE_PATH = f"{PATH}/sse"
MESSAGES_PATH = f"{SSE_PATH}/messages"
PING_S = 30.0
STREAMABLE = "mcp-protocol-version"
"""A header of clients of the streamable transport, once they are connected."""
RETIRED = (
    f"MCP's older HTTP+SSE transport is not served here: set the client's transport to streamable HTTP, and its URL to {PATH}."
)


class EventStream:
    """ASGI application for `/mcp/sse`. A POST, and a GET of the streamable transport, are answered as those to `/mcp`."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in ("GET", "HEAD") or STREAMABLE in Headers(scope=scope):
            await self._endpoint(scope, receive, send)
        elif scope["method"] == "HEAD":
            await Response(media_type=STREAM)(scope, receive, send)
        else:
            await EventSourceResponse(_events(scope["app"].state.context))(scope, receive, send)


async def refuse_message(_request: Request) -> JSONResponse:
    return JSONResponse({"detail": RETIRED}, 410)


async def _events(context: AppContext) -> AsyncIterator[ServerSentEvent]:
    """Until the client leaves or the program stops."""
    yield ServerSentEvent(json.dumps({"type": "connection", "status": "connected"}))
    # Clients of the older transport wait for this event; browsers' EventSource ignores events without a listener.
    yield ServerSentEvent(MESSAGES_PATH, event="endpoint")
    while not await _stops_within(context, PING_S):
        yield ServerSentEvent(json.dumps({"timestamp": datetime.now(UTC).isoformat().replace("+00:00", "Z")}), event="ping")


async def _stops_within(context: AppContext, seconds: float) -> bool:
    try:
        await asyncio.wait_for(context.recordings.stopping.wait(), seconds)
    except TimeoutError:
        return False
    return True
