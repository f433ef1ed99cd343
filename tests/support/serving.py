"""ASGI applications on ports of this machine, for clients that need one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

from tests.support.ports import free_port

KEEP_ALIVE_S = 90
"""For which an idle connection is kept, as by the proxy of Ray Serve. uvicorn's 5 end on a busy machine while a client is about
to use the connection."""


def server_of(app: Any, port: int, **options: Any) -> uvicorn.Server:
    """A server that has not been started."""
    return uvicorn.Server(uvicorn.Config(app, port=port, log_level="error", timeout_keep_alive=KEEP_ALIVE_S, **options))


@asynccontextmanager
async def serving(app: Any) -> AsyncIterator[str]:
    """The address at which the application, without its lifespan, answers until the end of the block."""
    server = server_of(app, free_port(), lifespan="off")
    task = asyncio.create_task(server.serve())
    while not server.started and not task.done():  # noqa: ASYNC110  # it has no event to wait for
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.config.port}"
    finally:
        server.should_exit = True
        await task
