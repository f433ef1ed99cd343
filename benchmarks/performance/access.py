"""The cost of access control: `python -m benchmarks.performance.access [--rounds 60] [--requests 50] [--conversations 200]`.

`GET /conversations` is called within this process, so that no network and no client hides the cost: with an API key where keys
are required, without one where none is needed, and on the application with no authentication, roles or limits. The three take
turns in short rounds; ratios are medians over the rounds, so that load on the machine affects all three alike. The CPU time is
that of this process: without PostgreSQL's, and without what other programs do.
"""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Callable, Coroutine, MutableMapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.app import create_app
from api.body_limit import BodyLimit
from api.routes import conversations as routes
from benchmarks.harness.application import open_directory
from benchmarks.harness.command import run
from pipeline.access import Role
from services.context import AppContext
from settings import Settings
from storage.access import keys
from storage.conversations import conversations
from storage.postgres.database import Database, migrate
from storage.postgres.embedded import EmbeddedPostgres
from tests.support.application import connected, no_stages
from vivavoce.printing import table

PATH = "/api/v1/conversations"
WARM_UP_REQUESTS = 50
KEPT: tuple[object, ...] = (BodyLimit,)
"""Middleware that has nothing to do with access."""
Request = Callable[[], Coroutine[Any, Any, None]]


@asynccontextmanager
async def _no_lifespan(_app: FastAPI) -> AsyncIterator[None]:
    yield


def controlled(context: AppContext, **settings: Any) -> FastAPI:
    """The application as it is served, with these settings."""
    app = create_app(context.settings.model_copy(update=settings), _no_lifespan)
    app.state.context = context
    return app


def uncontrolled(context: AppContext) -> FastAPI:
    """The same with only the limit of the body: no authentication, no check of roles, no limits per principal."""
    bare = APIRouter(prefix=routes.router.prefix)
    for route in routes.router.routes:
        if isinstance(route, APIRoute):
            path = route.path.removeprefix(bare.prefix)
            bare.add_api_route(path, route.endpoint, methods=list(route.methods or ()), response_model=route.response_model)
    with patch.object(routes, "router", bare):
        app = controlled(context)
    app.user_middleware = [found for found in app.user_middleware if found.cls in KEPT]
    return app


def get(app: ASGIApp, key: str | None = None) -> Request:
    """A function that requests the newest conversations and checks that they came."""
    headers = [(b"host", b"localhost"), *([(b"authorization", f"Bearer {key}".encode())] if key else [])]

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def request() -> None:
        sent: list[MutableMapping[str, Any]] = []

        async def send(message: Message) -> None:
            sent.append(message)

        scope: Scope = {
            "type": "http", "method": "GET", "path": PATH, "raw_path": PATH.encode(), "root_path": "", "scheme": "http",
            "query_string": b"", "headers": list(headers), "client": ("127.0.0.1", 40000), "server": ("127.0.0.1", 8000),
            "http_version": "1.1", "asgi": {"version": "3.0"},
        }  # fmt: skip
        await _call(app, scope, receive, send)
        assert sent[0]["status"] == 200, sent

    return request


async def _call(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """In a task of its own, as a server calls the application."""
    await asyncio.create_task(app(scope, receive, send))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Round:
    seconds: float
    """Of one request, by the clock."""
    cpu_seconds: float


async def measured(doors: dict[str, Request], rounds: int, requests: int) -> dict[str, list[Round]]:
    """What a request costs on each, round by round."""
    for request in doors.values():
        for _ in range(WARM_UP_REQUESTS):
            await request()
    found: dict[str, list[Round]] = {name: [] for name in doors}
    names = list(doors)
    for number in range(rounds):
        for name in names[number % len(names) :] + names[: number % len(names)]:
            began, cpu = time.perf_counter(), time.process_time()
            for _ in range(requests):
                await doors[name]()
            seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu
            found[name].append(Round(seconds / requests, cpu_seconds / requests))
    return found


async def measure(url: str, rounds: int, requests: int, count: int) -> dict[str, list[Round]]:
    await migrate(url)
    database = Database(url)
    async with database.session() as session:
        for number in range(count):
            await conversations.create(session, f"Talk {number}", None, "flac")
        key, _ = await keys.create(session, "benchmark", Role.READER)
    await database.dispose()
    async with AsyncExitStack() as stack:
        with open_directory() as directory:
            context = await stack.enter_async_context(connected(Settings(), url, directory, no_stages(), "wespeaker-resnet34"))
            doors = {
                "without access control": get(uncontrolled(context)),
                "no key, AUTH=auto": get(controlled(context)),
                "with a key, AUTH=required": get(controlled(context, auth="required"), key),
            }
            return await measured(doors, rounds, requests)


def main(rounds: int = 60, requests: int = 50, conversations: int = 200) -> None:
    with open_directory() as directory, EmbeddedPostgres(directory / "postgres") as url:
        found = asyncio.run(measure(url, rounds, requests, conversations))
    base = found["without access control"]
    rows = [
        (
            name,
            f"{1 / statistics.median(one.seconds for one in rounds_):.0f}",
            f"{_ratio(base, rounds_, lambda one: one.seconds):.3f}",
            f"{1000 * statistics.median(one.cpu_seconds for one in rounds_):.2f}",
            f"{_ratio(base, rounds_, lambda one: one.cpu_seconds):.3f}",
        )
        for name, rounds_ in found.items()
    ]
    print(table(("GET /conversations", "requests/s", "ratio", "CPU ms", "ratio"), rows))


def _ratio(without: Sequence[Round], with_: Sequence[Round], cost: Callable[[Round], float]) -> float:
    """Of the requests per unit of the cost, with against without."""
    return statistics.median(cost(one) / cost(other) for one, other in zip(without, with_, strict=True))


if __name__ == "__main__":
    run(main)
