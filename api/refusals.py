"""Record refused and failed requests in the audit log."""

import logging
import time
from collections import Counter

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.guard import SAFE_METHODS
from api.security import PRINCIPAL
from pipeline.access import ANONYMOUS
from services.access import audit
from services.access.actor import Actor, acting_for
from services.access.audit import DENIED, FAILED
from storage.postgres import database

logger = logging.getLogger("ray.serve")

UNAUTHENTICATED, FORBIDDEN, TOO_MANY_REQUESTS = 401, 403, 429
WINDOW_S = 60.0
MAX_IN_WINDOW, MAX_OF_ADDRESS = 120, 30
"""Entries of one replica, and those about one address. Further ones are counted: a flood of them must not fill the disk."""


class Refusals:
    """ASGI middleware outside all that refuses. Denied: 401 and 403. Failed: any other error of a request that would change
    something, except 429, which a client of good will gets in numbers."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._budget = _Budget()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        status: int | None = None

        async def observed(message: Message) -> None:
            nonlocal status
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                status = message["status"]
            elif message["type"] == "websocket.accept":
                status = 101
            elif message["type"] == "websocket.close" and status is None:  # before it is accepted: the server answers 403
                status = FORBIDDEN
            await send(message)

        try:
            await self.app(scope, receive, observed)
        finally:
            if (outcome := _outcome(scope, status)) is not None:
                await self._record(HTTPConnection(scope), outcome)

    async def _record(self, connection: HTTPConnection, outcome: str) -> None:
        address = connection.client.host if connection.client is not None else None
        if not self._budget.take(address):
            return
        principal = connection.scope.get(PRINCIPAL, ANONYMOUS)
        try:
            with acting_for(Actor(principal, address, connection.headers.get("x-request-id"))):
                context = connection.app.state.context
                if suppressed := self._budget.suppressed():
                    await audit.record_alone(context.database, "request.unrecorded", f"requests:{suppressed}", outcome)
                await audit.record_alone(context.database, "request", _what(connection.scope), outcome)
        except database.FAILURES as error:  # the client has its answer
            logger.warning("A refused request could not be recorded: %s", type(error).__name__)


class _Budget:
    """How many entries may be added in the present window of time."""

    def __init__(self) -> None:
        self._since = time.monotonic()
        self._taken: Counter[str | None] = Counter()
        self._refused = self._refused_before = 0

    def take(self, address: str | None) -> bool:
        now = time.monotonic()
        if now - self._since >= WINDOW_S:
            self._since = now
            self._taken.clear()
            self._refused_before, self._refused = self._refused_before + self._refused, 0
        if self._taken.total() >= MAX_IN_WINDOW or self._taken[address] >= MAX_OF_ADDRESS:
            self._refused += 1
            return False
        self._taken[address] += 1
        return True

    def suppressed(self) -> int:
        """The number of requests of former windows that were not recorded; each is returned once."""
        number, self._refused_before = self._refused_before, 0
        return number


def _outcome(scope: Scope, status: int | None) -> str | None:
    if status in (UNAUTHENTICATED, FORBIDDEN):
        return DENIED
    changes = scope["type"] == "http" and scope["method"] not in SAFE_METHODS
    return FAILED if changes and status is not None and status >= 400 and status != TOO_MANY_REQUESTS else None


def _what(scope: Scope) -> str:
    """Method and path with ids. Of other values the path has the parameter's name: they may be names of people."""
    method = scope.get("method", "WEBSOCKET")
    route = getattr(scope.get("route"), "path_format", None)
    if route is None:  # refused before it was known what the path stands for
        return f"{method} {'/'.join(scope['path'].split('/')[:4])}"
    values = scope.get("path_params", {})
    return f"{method} {route.format_map({name: _id(name, value) for name, value in values.items()})}"


def _id(name: str, value: object) -> str:
    return str(value) if str(value).isdecimal() else f"{{{name}}}"
