"""The MCP server as a part of the application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from mcp.server import MCPServer

from mcp_server.endpoint import PATH, Endpoint
from mcp_server.event_stream import MESSAGES_PATH, SSE_PATH, EventStream, refuse_message
from mcp_server.server import Server
from services.context import AppContext


def add(app: FastAPI) -> None:
    """Serve `/mcp` and `/mcp/sse` with the context that the app's lifespan puts into its state."""
    lifespan = app.router.lifespan_context

    @asynccontextmanager
    async def context(_: MCPServer[AppContext]) -> AsyncIterator[AppContext]:
        yield app.state.context

    endpoint = Endpoint(Server(context))

    @asynccontextmanager
    async def both(app: FastAPI) -> AsyncIterator[None]:
        async with lifespan(app), endpoint.running():
            yield

    app.router.lifespan_context = both
    for path in (PATH, f"{PATH}/"):  # not a mount: old clients do not follow its redirect
        app.router.add_route(path, endpoint, include_in_schema=False)  # type: ignore[arg-type]
    app.router.add_route(SSE_PATH, EventStream(endpoint), include_in_schema=False)  # type: ignore[arg-type]
    app.router.add_route(MESSAGES_PATH, refuse_message, methods=["POST"], include_in_schema=False)
