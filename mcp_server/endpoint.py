"""The MCP server over HTTP: the SDK's streamable transport without sessions, so that any replica answers any request."""

from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mcp.server.transport_security import TransportSecuritySettings
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import Message, Receive, Scope, Send

from mcp_server import envelope
from mcp_server.server import Server

PATH = "/mcp"
STREAM = "text/event-stream"
MAX_REQUEST_BYTES = 1 << 20
"""A request holds names and queries, never audio."""


class Endpoint:
    """ASGI application for `/mcp`; to be used within `running`.

    The application around it checks the host and the origin of every request, as
    https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#security-warning wants it.
    """

    def __init__(self, server: Server) -> None:
        self.server = server
        self._app = server.streamable_http_app(
            streamable_http_path=PATH,
            json_response=True,
            stateless_http=True,
            max_request_body_size=MAX_REQUEST_BYTES,
            transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with self.server.session_manager.run():
            yield

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        if scope["method"] in ("GET", "HEAD"):
            await self._describe(headers)(scope, receive, send)
        else:
            if scope["method"] == "POST":
                scope = _as_the_sdk_wants(scope)
                body, receive = await _read(receive)
                if len(body) <= MAX_REQUEST_BYTES and (refused := envelope.refusal(body)) is not None:
                    await JSONResponse(refused, 400)(scope, receive, send)
                    return
            await self._app(scope, receive, send)

    def _describe(self, headers: Headers) -> JSONResponse:
        if STREAM in headers.get("accept", ""):  # no unsolicited messages: the specification wants 405 then
            return JSONResponse({"detail": "There are no streams here; POST JSON-RPC requests."}, 405, {"Allow": "POST"})
        known = {"name": self.server.name, "version": self.server.version, "transport": "streamable-http"}
        return JSONResponse(known | {"message": f"POST JSON-RPC 2.0 requests to {PATH}, such as tools/list."})


def _as_the_sdk_wants(scope: Scope) -> Scope:
    """With the headers that clients of the reference system leave out."""
    scope = {**scope, "path": PATH, "headers": list(scope["headers"])}
    headers = MutableHeaders(scope=scope)
    headers["content-type"] = "application/json"
    if STREAM not in headers.get("accept", ""):
        headers["accept"] = "application/json"
    return scope


async def _read(receive: Receive) -> tuple[bytes, Receive]:
    """The body, up to a chunk more than the SDK takes, and what receives it again."""
    messages: deque[Message] = deque()
    body, more = bytearray(), True
    while more and len(body) <= MAX_REQUEST_BYTES:
        message = await receive()
        messages.append(message)
        body += message.get("body", b"")
        more = message.get("more_body", False)

    async def again() -> Message:
        return messages.popleft() if messages else await receive()

    return bytes(body), again
