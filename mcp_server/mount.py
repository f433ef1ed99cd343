"""The MCP server as a part of the ingress."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI, HTTPException
from mcp.server import MCPServer

from mcp_server.backend import Backend, Unavailable
from mcp_server.endpoint import PATH, Endpoint
from mcp_server.server import Server
from services.context import AppContext
from services.identity.emotion_refresh import IdentityPolicy
from services.policy import current_policy
from settings import Settings


def add(app: FastAPI, settings: Settings) -> None:
    """Serve `/mcp` with the services that the app's lifespan puts into its state."""
    lifespan = app.router.lifespan_context

    @asynccontextmanager
    async def backend(_: MCPServer[Backend]) -> AsyncIterator[Backend]:
        services: AppContext = app.state.services
        yield Backend(settings, services.database, services.recordings, partial(_rules, services))

    endpoint = Endpoint(Server(backend), settings.cors_origins)

    @asynccontextmanager
    async def both(app: FastAPI) -> AsyncIterator[None]:
        async with lifespan(app), endpoint.running():
            yield

    app.router.lifespan_context = both
    for path in (PATH, f"{PATH}/"):  # not a mount, whose redirect old clients do not follow
        app.router.add_route(path, endpoint, include_in_schema=False)  # type: ignore[arg-type]


async def _rules(services: AppContext) -> IdentityPolicy:
    try:
        return await current_policy(services)
    except HTTPException as error:
        raise Unavailable(str(error.detail)) from error
