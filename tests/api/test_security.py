"""Who may call what: keys, roles, and what a client on this machine needs."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIWebSocketRoute, _IncludedRouter
from sqlalchemy import event, func, select, update
from starlette.types import Message

from api import page, security
from mcp_server.endpoint import PATH as MCP_PATH
from mcp_server.event_stream import MESSAGES_PATH, SSE_PATH
from pipeline.access import LOCAL, Role
from services.access import authentication
from services.access.actor import Actor, actor
from services.access.logins import principal_of
from services.events import feed
from settings import Settings
from storage.access import keys, people
from storage.postgres.database import Database, DatabaseAwayError
from storage.tables import ApiKey, Person, Ticket
from tests.storage.transcripts import MODEL
from tests.support import clock
from tests.support.application import API, Application, answering, connected, no_stages

ROOT = API.removesuffix("/api/v1")
AUTHENTICATED = {MCP_PATH, f"{MCP_PATH}/", SSE_PATH, MESSAGES_PATH}
"""Routes that any principal may call; each tool has a role of its own."""
OWN = {"/api/v1/me/password"}
"""Routes by which people change their own account."""
ONLY_READ = {"/api/v1/conversations/export", "/api/v1/ask"}
"""Routes that change nothing; their body says what to read."""
REVERSIBLE = ("/label", "/segments/{segment_id}", "/distinct/{other_id}")
"""Ends of paths with a reversible DELETE, which writers may use: they can undo it or make the label again."""


@asynccontextmanager
async def application(database_url: str, directory: Path, **settings: Any) -> AsyncIterator[Application]:
    chosen = Settings(data_path=directory, **settings)
    async with connected(chosen, database_url, directory, no_stages(), MODEL) as context, answering(context) as found:
        yield found


@pytest.fixture
async def local(database: Database, database_url: str, tmp_path: Path) -> AsyncIterator[Application]:
    async with application(database_url, tmp_path) as found:
        yield found


@pytest.fixture
async def required(database: Database, database_url: str, tmp_path: Path) -> AsyncIterator[Application]:
    async with application(database_url, tmp_path, auth="required") as found:
        yield found


async def new_key(database: Database, role: Role) -> dict[str, str]:
    """The header of a new key."""
    async with database.session() as session:
        key, _ = await keys.create(session, "test", role)
    return {"Authorization": f"Bearer {key}"}


@dataclass(frozen=True)
class Route:
    path: str
    methods: frozenset[str]
    roles: frozenset[str]

    @property
    def needed(self) -> Role | None:
        """The highest of the roles that the route requires."""
        return max(map(Role, self.roles), key=list(Role).index, default=None)


def served(app: FastAPI) -> list[Route]:
    """All routes that the app serves, those of included routers, too."""

    def walk(routes: Iterable[Any]) -> Iterator[Route]:
        for found in routes:
            if isinstance(found, _IncludedRouter):
                yield from walk(found.effective_candidates())
                continue
            route = getattr(found, "starlette_route", None) or found
            methods = {"WEBSOCKET"} if isinstance(route, APIWebSocketRoute) else getattr(route, "methods", None) or ()
            needed = roles(route.dependant) if getattr(route, "dependant", None) else set()
            yield Route(route.path, frozenset(methods), frozenset(needed))

    return list(walk(app.routes))


def roles(dependant: Dependant) -> set[str]:
    found = set(dependant.own_oauth_scopes or ()) if dependant.call is security.authorize else set()
    return found.union(*(roles(below) for below in dependant.dependencies))


def test_each_route_has_a_role_or_is_public_on_purpose(local: Application) -> None:
    routes = served(local.app)
    assert len(routes) > 70
    assert any(route.methods == {"WEBSOCKET"} for route in routes)
    on_purpose = security.PUBLIC | security.LOGIN | AUTHENTICATED
    without = [route for route in routes if not route.roles and route.path not in on_purpose and not page.is_public(route.path)]
    assert without == []
    assert [route for route in routes if page.is_public(route.path) and not route.methods <= {"GET", "HEAD"}] == []
    assert {route.path for route in routes} >= security.PUBLIC | security.LOGIN, "There is no such route any more."


def test_no_reader_changes_anything(local: Application) -> None:
    for route in served(local.app):
        if route.path in AUTHENTICATED | security.LOGIN | OWN | ONLY_READ:
            continue
        if route.methods & {"POST", "PUT", "PATCH", "DELETE", "WEBSOCKET"}:
            assert route.needed in (Role.WRITER, Role.ADMIN), route
        if "DELETE" in route.methods and not route.path.endswith(REVERSIBLE):
            assert route.needed is Role.ADMIN, route


async def test_a_role_opens_its_routes_and_no_others(
    database: Database, required: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "MAX_STREAM_S", 0.0)  # the client reads an answer to its end
    headers = {role: await new_key(database, role) for role in Role}
    for route in served(required.app):
        for method in route.methods - {"WEBSOCKET", "HEAD"}:
            if route.needed is None:
                continue
            url = ROOT + re.sub(r"{\w+}", "987654", route.path)
            assert (await required.client.request(method, url)).status_code == 401, route
            for role, header in headers.items():
                answer = await required.client.request(method, url, headers=header)
                if role.includes(route.needed):
                    assert answer.status_code not in (401, 403), (route, answer.text)
                else:
                    assert answer.status_code == 403, route
                    assert f"role '{route.needed}'" in answer.text
                    assert f"'{role}'" in answer.text


async def test_without_a_credential_the_answer_says_how_to_get_one(required: Application) -> None:
    answer = await required.client.get("/conversations")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert "vivavoce keys create" in answer.json()["detail"]
    assert (await required.client.get("/no/such/route")).status_code == 401
    assert (await required.client.post(f"{ROOT}/mcp", json={})).status_code == 401


async def test_public_paths_answer_without_a_credential(required: Application) -> None:
    for path in security.PUBLIC:
        assert (await required.client.get(f"{ROOT}{path}")).status_code == 200, path


async def test_a_wrong_key_is_refused_also_from_this_machine(local: Application) -> None:
    for header in ("Bearer", "Bearer ", "Bearer x", f"Bearer vv_{'A' * 43}", f"bearer vv_{'A' * 43}"):
        answer = await local.client.get("/conversations", headers={"Authorization": header})
        assert answer.status_code == 401, header
        assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
        assert "vivavoce keys create" in answer.json()["detail"]


async def test_a_client_on_this_machine_needs_no_credential(local: Application) -> None:
    assert (await local.client.get("/conversations")).status_code == 200
    assert (await local.client.delete("/speakers/unknown/all")).status_code == 200
    # Such as a browser sends for an address with a user's name.
    assert (await local.client.get("/conversations", headers={"Authorization": "Basic YTpi"})).status_code == 200


async def test_a_request_that_a_proxy_passes_on_needs_a_credential(database: Database, local: Application) -> None:
    key = await new_key(database, Role.READER)
    for name in security.FORWARDED:
        passed_on = {name: "for=127.0.0.1"}
        assert (await local.client.get("/conversations", headers=passed_on)).status_code == 401, name
        assert (await local.client.get("/conversations", headers=passed_on | key)).status_code == 200


async def test_only_clients_on_this_machine_need_no_credential(local: Application) -> None:
    addresses = {"127.0.0.1": 200, "127.8.9.10": 200, "::1": 200, "::ffff:127.0.0.1": 200}
    addresses |= dict.fromkeys(("203.0.113.5", "::ffff:203.0.113.5", "10.0.0.1", "127.0.0.1.example", ""), 401)
    for address, status in addresses.items():
        transport = httpx.ASGITransport(local.app, client=(address, 40000))
        async with httpx.AsyncClient(transport=transport, base_url=API) as remote:
            assert (await remote.get("/conversations")).status_code == status, address


async def test_beyond_loopback_every_client_needs_a_credential(database: Database, database_url: str, tmp_path: Path) -> None:
    for host, status in {"127.0.0.1": 200, "::1": 200, "localhost": 200, "0.0.0.0": 401, "::": 401, "192.168.0.7": 401}.items():
        async with application(database_url, tmp_path, host=host) as found:
            assert (await found.client.get("/conversations")).status_code == status, host


async def test_a_revoked_key_is_refused_within_seconds(
    database: Database, required: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    header = await new_key(database, Role.READER)
    assert (await required.client.get("/conversations", headers=header)).status_code == 200
    async with database.session() as session:
        (found,) = await keys.list_all(session)
        assert found.last_used_at is not None
        await keys.revoke(session, found.id)
    moment = time.monotonic() + authentication.CACHE_S
    monkeypatch.setattr("services.access.authentication.time.monotonic", lambda: moment)
    assert (await required.client.get("/conversations", headers=header)).status_code == 401


async def test_an_expired_key_is_refused_at_once(
    database: Database, required: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    expiry = datetime.now(UTC) + timedelta(hours=1)
    async with database.session() as session:
        key, _ = await keys.create(session, "short", Role.READER, expires_at=expiry)
    header = {"Authorization": f"Bearer {key}"}
    assert (await required.client.get("/conversations", headers=header)).status_code == 200
    clock.stop(monkeypatch, authentication, expiry)
    assert (await required.client.get("/conversations", headers=header)).status_code == 401


async def test_keys_in_use_cost_no_query(database: Database, required: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authentication, "CACHE_S", 600.0)
    header = await new_key(database, Role.READER)
    for _ in range(2):
        assert (await required.client.get("/no/such/route", headers=header)).status_code == 404
    engine = required.context.database.engine.sync_engine
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *arguments: statements.append(arguments[2]))
    assert (await required.client.get("/no/such/route", headers=header)).status_code == 404
    assert statements == []


async def test_services_know_whom_they_act_for(database: Database, required: Application) -> None:
    header = await new_key(database, Role.WRITER)
    seen: list[Actor] = []

    @required.app.get("/seen")
    async def see() -> None:
        seen.append(actor())

    assert (await required.client.get(f"{ROOT}/seen", headers=header | {"X-Request-ID": "r1"})).status_code == 200
    assert [(one.principal.role, one.principal.key_id, one.address, one.request_id) for one in seen] == [
        (Role.WRITER, 1, "127.0.0.1", "r1")
    ]
    assert actor().principal is LOCAL, "The actor is that of the request alone."


async def test_nothing_of_an_upload_is_read_without_a_credential(required: Application) -> None:
    read = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 1
            yield bytes(65536)

    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = await required.client.post("/process", content=body(), headers=headers)
    assert answer.status_code == 401
    assert read == 0


async def test_without_its_database_the_server_says_so(required: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: object) -> None:
        raise DatabaseAwayError("away")

    monkeypatch.setattr(keys, "find", away)
    answer = await required.client.get("/conversations", headers={"Authorization": f"Bearer vv_{'A' * 43}"})
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"


async def test_a_ticket_opens_one_connection(database: Database, required: Application) -> None:
    writer, reader = await new_key(database, Role.WRITER), await new_key(database, Role.READER)
    assert (await required.client.post("/streaming/ticket", headers=reader)).status_code == 403
    answer = await required.client.post("/streaming/ticket", headers=writer)
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json()["expires_in"] == 30
    ticket = answer.json()["ticket"]
    opened = await asyncio.gather(*(knock(required, f"ticket={ticket}") for _ in range(5)))
    assert sorted(opened) == [200, 401, 401, 401, 401]
    async with database.session() as session:
        assert (await session.execute(select(Ticket))).all() == []


async def test_a_ticket_expires(database: Database, required: Application) -> None:
    answer = await required.client.post("/streaming/ticket", headers=await new_key(database, Role.WRITER))
    async with database.session() as session:
        await session.execute(update(Ticket).values(expires_at=func.now()))
    assert await knock(required, f"ticket={answer.json()['ticket']}") == 401


async def test_a_ticket_allows_what_its_holder_may_at_its_use(database: Database, required: Application) -> None:
    header = await new_key(database, Role.WRITER)
    tickets = [(await required.client.post("/streaming/ticket", headers=header)).json()["ticket"] for _ in range(2)]
    async with database.session() as session:
        await session.execute(update(ApiKey).values(role=Role.READER.value))
    assert await knock(required, f"ticket={tickets[0]}") == 403
    async with database.session() as session:
        await session.execute(update(ApiKey).values(revoked_at=func.now()))
    assert await knock(required, f"ticket={tickets[1]}") == 401


async def test_a_ticket_of_a_person_allows_what_they_may_at_its_use(database: Database, required: Application) -> None:
    async with database.session() as session:
        ada = await people.create(session, "Ada", Role.READER)
    tickets = [await required.context.authentication.issue_ticket(principal_of(ada)) for _ in range(4)]

    async def change(**values: Any) -> None:
        async with database.session() as session:
            await session.execute(update(Person).values(**values))

    assert await knock(required, f"ticket={tickets[0]}") == 403
    await change(role=Role.WRITER.value)
    assert await knock(required, f"ticket={tickets[1]}") == 200
    await change(disabled_at=func.now())
    assert await knock(required, f"ticket={tickets[2]}") == 401
    async with database.session() as session:
        await people.delete_person(session, ada.id)
    assert await knock(required, f"ticket={tickets[3]}") == 401


async def test_a_ticket_of_a_client_on_this_machine_opens_nothing_elsewhere(local: Application, required: Application) -> None:
    tickets = [(await local.client.post("/streaming/ticket")).json()["ticket"] for _ in range(2)]
    assert await knock(local, f"ticket={tickets[0]}") == 200
    assert await knock(required, f"ticket={tickets[1]}") == 401


async def test_a_ticket_is_no_key_for_other_requests(database: Database, required: Application) -> None:
    ticket = (await required.client.post("/streaming/ticket", headers=await new_key(database, Role.WRITER))).json()["ticket"]
    assert (await required.client.get("/conversations", params={"ticket": ticket})).status_code == 401
    assert (await required.client.get("/conversations", headers={"Authorization": f"Bearer {ticket}"})).status_code == 401
    assert await knock(required, f"ticket={ticket}") == 200


async def test_a_socket_needs_the_role_of_a_writer(database: Database, required: Application, local: Application) -> None:
    assert await knock(required) == 401
    assert await knock(required, headers={"Authorization": "Bearer vv_x"}) == 401
    assert await knock(required, headers=await new_key(database, Role.READER)) == 403
    assert await knock(required, headers=await new_key(database, Role.WRITER)) == 200
    assert await knock(local) == 200


async def knock(application: Application, query: str = "", headers: Mapping[str, str] | None = None) -> int:
    """Open a WebSocket and close it; returns 200, or the status of the refusal."""
    sent: list[Message] = []
    scope = {
        "type": "websocket",
        "path": "/api/v1/streaming/ws",
        "raw_path": b"/api/v1/streaming/ws",
        "query_string": query.encode(),
        "headers": [
            (b"host", b"localhost"),
            *((name.lower().encode(), value.encode()) for name, value in (headers or {}).items()),
        ],
        "client": ("127.0.0.1", 40000),
        "server": ("127.0.0.1", 80),
        "scheme": "ws",
        "subprotocols": [],
        "extensions": {"websocket.http.response": {}},
    }
    events: Iterator[Message] = iter([{"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1001}])

    async def receive() -> Message:
        return next(events)

    async def send(message: Message) -> None:
        sent.append(message)

    await application.app(scope, receive, send)
    if sent[0]["type"] == "websocket.accept":
        return 200
    return int(sent[0]["status"])
