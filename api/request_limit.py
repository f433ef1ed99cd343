"""Limit the requests of each principal."""

from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from services.access.actor import actor
from services.access.limits import limited
from services.access.request_limit import RequestLimit
from services.errors import LimitExceededError

TRY_AGAIN_LATER = 1013
"""Close code: https://www.iana.org/assignments/websocket."""


class RequestLimits:
    """ASGI middleware inside `api.security.Authentication`: answers 429 beyond the limit of the principal."""

    def __init__(self, app: ASGIApp, per_minute: int) -> None:
        self.app = app
        self._limit = RequestLimit(per_minute)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket") and (name := limited(actor().principal)) is not None:
            try:
                await self._limit.count(name, HTTPConnection(scope).app.state.context.database)
            except LimitExceededError as error:
                if scope["type"] == "websocket":
                    await send({"type": "websocket.close", "code": TRY_AGAIN_LATER, "reason": ""})
                else:
                    headers = {"Retry-After": str(error.retry_after_s)}
                    await JSONResponse({"detail": str(error)}, 429, headers)(scope, receive, send)
                return
        await self.app(scope, receive, send)
