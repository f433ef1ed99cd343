"""Answer the requests that are not finished when the program stops."""

import asyncio

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import RETRY_SOON
from api.guard import SAFE_METHODS
from services.context import AppContext

GRACE_S = 5.0
"""For requests in work, of the 20 s after which `deployments/private_cluster.py` ends the process."""
SENTENCE = "The server is stopping and kept nothing of this. Send it again when it has started."


class Stopping:
    """ASGI middleware that answers 503 to requests other than reads that are still being received or processed at the stop.

    Without it a slow upload would end with the process, and Serve's proxy would answer 500.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in SAFE_METHODS:
            await self.app(scope, receive, send)
            return
        context: AppContext = scope["app"].state.context
        started = False

        async def observed(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        work = asyncio.ensure_future(self.app(scope, receive, observed))
        stop = asyncio.create_task(context.recordings.stopping.wait())
        try:
            await asyncio.wait((work, stop), return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                await asyncio.wait((work,), timeout=GRACE_S)
            if started or work.done():
                await work
                return
        finally:
            stop.cancel()
            if not work.done():
                work.cancel()
                await asyncio.wait((work,))
        if not started:
            await JSONResponse({"detail": SENTENCE}, 503, RETRY_SOON)(scope, receive, send)
