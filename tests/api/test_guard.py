"""Which hosts the application answers to, and which web pages may call it."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import nullcontext
from typing import Any

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from api.app import create_app
from api.guard import SECURITY_HEADERS, Guard
from settings import Settings
from tests.support.openapi import published

HOST = "localhost:8000"
OWN = "http://localhost:8000"
PAGE = "https://pages.example"
SETTINGS = Settings(allowed_hosts=["viva.example"], cors_origins=[f"{PAGE}/"])
APP = create_app(Settings(), lambda _app: nullcontext())
OPERATIONS = [(method.upper(), path) for path, methods in published().document["paths"].items() for method in methods]
CROSS_SITE = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}

Headers = list[tuple[str, str]]


class Inner:
    """An application that says which requests reached it."""

    def __init__(self) -> None:
        self.reached: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.reached.append(scope["type"])
        if scope["type"] == "websocket":
            await send({"type": "websocket.accept"})
        else:
            await PlainTextResponse("in")(scope, receive, send)


async def ask(
    headers: Headers, method: str = "POST", path: str = "/", kind: str = "http", settings: Settings = SETTINGS, **scope: Any
) -> tuple[list[Message], list[str]]:
    """The guard's messages, and what reached the application behind it."""
    inner, sent = Inner(), list[Message]()

    async def receive() -> Message:
        return {"type": "http.request"} if kind == "http" else {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    about = {"type": kind, "path": path, "headers": raw, "query_string": b"", **scope}
    await Guard(inner, settings)(about | ({"method": method} if kind == "http" else {}), receive, send)
    return sent, inner.reached


async def status(headers: Headers, method: str = "POST", path: str = "/", settings: Settings = SETTINGS) -> int:
    sent, reached = await ask(headers, method, path, settings=settings)
    assert (sent[0]["status"] == 200) == (reached == ["http"]), sent
    return int(sent[0]["status"])


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "DELETE"])
@pytest.mark.parametrize(
    ("hosts", "expected"),
    [
        (["localhost"], 200),
        (["localhost:8000"], 200),
        (["LOCALHOST.:9"], 200),
        (["127.0.0.1:8000"], 200),
        (["[::1]:8000"], 200),
        (["viva.example"], 200),
        (["attacker.example:8000"], 403),
        (["localhost.attacker.example"], 403),
        (["sub.viva.example"], 403),
        (["10.0.0.7:8000"], 403),
        (["[::ffff:127.0.0.1]"], 403),
        (["127.0.0.2"], 403),
        ([], 400),
        ([""], 400),
        (["localhost", "attacker.example"], 400),
        (["localhost", "localhost"], 400),
        (["localhost:80@attacker.example"], 400),
        (["user@localhost"], 400),
        (["localhost, attacker.example"], 400),
        (["l\xf6calhost"], 400),
        (["[::1"], 400),
        (["localhost:port"], 400),
    ],
)
async def test_hosts(hosts: list[str], expected: int, method: str) -> None:
    assert await status([("Host", host) for host in hosts], method) == expected


@pytest.mark.parametrize(
    ("bound", "host", "expected"),
    [
        ("0.0.0.0", "10.0.0.7:8000", 200),
        ("::", "[fd00::7]:8000", 200),
        ("0.0.0.0", "viva.example", 403),
        ("0.0.0.0", "attacker.example", 403),
        ("0.0.0.0", "localhost", 200),
        ("10.0.0.7", "10.0.0.7", 200),
        ("10.0.0.7", "10.0.0.8", 403),
        ("fd00::7", "[FD00:0::7]:8000", 200),
        ("viva", "viva:8000", 200),
    ],
)
async def test_the_address_that_the_server_is_bound_to(bound: str, host: str, expected: int) -> None:
    assert await status([("Host", host)], settings=Settings(host=bound)) == expected


async def test_a_refused_host_says_which_setting_to_change() -> None:
    async with _client(Guard(Inner(), SETTINGS)) as client:
        answer = await client.get("http://team-server:8000/")
    assert answer.status_code == 403
    assert answer.json() == {
        "detail": "This server does not answer to the host team-server. If it is its name, add it to ALLOWED_HOSTS."
    }


@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
@pytest.mark.parametrize("headers", [[], [("Host", "10.1.2.3:8000")], [("Host", "balancer.example")]])
async def test_probes_of_a_load_balancer_pass(path: str, headers: Headers) -> None:
    assert await status(headers, "GET", path) == 200
    assert await status(headers, "HEAD", path) == 200
    assert await status(headers, "POST", path) in (400, 403)
    assert await status(headers, "GET", f"{path}/") in (400, 403)


CALLERS: list[tuple[Mapping[str, str], bool]] = [
    ({}, True),  # a program
    ({"Origin": OWN}, True),
    ({"Origin": "https://localhost:8000"}, True),  # behind a proxy with TLS
    ({"Origin": OWN, "Sec-Fetch-Site": "same-origin"}, True),
    ({"Sec-Fetch-Site": "same-origin"}, True),
    ({"Sec-Fetch-Site": "none"}, True),  # the browser's user
    ({"Origin": PAGE}, True),
    ({"Origin": PAGE, "Sec-Fetch-Site": "cross-site"}, True),
    ({"Origin": "https://evil.example"}, False),
    ({"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"}, False),
    ({"Origin": "null"}, False),
    ({"Origin": ""}, False),
    ({"Origin": "http://localhost:8001"}, False),
    ({"Origin": "http://localhost"}, False),
    ({"Origin": "http://127.0.0.1:8000"}, False),
    ({"Origin": "http://localhost:8000@evil.example"}, False),
    ({"Origin": "http://localhost:8000.evil.example"}, False),
    ({"Origin": f"{PAGE}.evil.example"}, False),
    ({"Origin": f"{PAGE}@evil.example"}, False),
    ({"Origin": f"{PAGE}:444"}, False),
    ({"Origin": "http://pages.example"}, False),
    ({"Origin": f"{OWN}, {OWN}"}, False),
    ({"Origin": OWN, "Sec-Fetch-Site": "cross-site"}, False),
    ({"Origin": OWN, "Sec-Fetch-Site": "same-site"}, False),
    ({"Sec-Fetch-Site": "cross-site"}, False),
    ({"Sec-Fetch-Site": "same-site"}, False),
    ({"Sec-Fetch-Site": "of-a-later-browser"}, False),
]


@pytest.mark.parametrize(("headers", "may"), CALLERS)
async def test_callers(headers: Mapping[str, str], may: bool) -> None:
    sent = [("Host", HOST), *headers.items()]
    for method in ("POST", "PUT", "PATCH", "DELETE", "PURGE"):
        assert await status(sent, method) == (200 if may else 403)
    assert await status(sent, "GET") == 200
    assert await status(sent, "GET", "/mcp") == await status(sent, "GET", "/mcp/") == (200 if may else 403)
    (first,), _ = await ask(sent, path="/ws", kind="websocket")
    assert first["type"] == ("websocket.accept" if may else "websocket.close")


async def test_a_repeated_header_is_refused() -> None:
    for name, value in (("Origin", OWN), ("Sec-Fetch-Site", "cross-site")):
        assert await status([("Host", HOST), (name, value), (name, "same-origin" if name != "Origin" else OWN)]) == 403


async def test_a_foreign_host_opens_no_socket() -> None:
    sent, reached = await ask([("Host", "attacker.example")], kind="websocket")
    assert (sent, reached) == ([{"type": "websocket.close", "code": 1008, "reason": ""}], [])


def _client(app: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url=OWN)


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with _client(APP) as client:
        yield client


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
async def test_every_route_is_guarded(client: httpx.AsyncClient, method: str, path: str) -> None:
    address = path.replace("{", "").replace("}", "")
    rebound = await client.request(method, address, headers={"Host": "attacker.example:8000"})
    assert rebound.status_code == (200 if path == "/health/live" else 500 if path == "/health/ready" else 403)
    if method != "GET":
        for headers in (CROSS_SITE, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
            refused = await client.request(method, address, headers=headers)
            assert refused.status_code == 403
            assert "CORS_ORIGINS" in refused.text


def test_the_routes_are_known() -> None:
    assert len(OPERATIONS) > 60
    assert {method for method, _ in OPERATIONS} == {"GET", "POST", "PUT", "PATCH", "DELETE"}


@pytest.mark.parametrize("path", ["/", "/nowhere", "/openapi.json", "/api/v1/conversations", "/api/v1/search?limit=x"])
async def test_every_answer_has_the_security_headers(client: httpx.AsyncClient, path: str) -> None:
    for headers in ({}, CROSS_SITE, {"Host": "attacker.example"}):
        answer = await client.get(path, headers=headers)  # without a context a route answers 500
        assert {name: answer.headers[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "access-control-allow-origin" not in answer.headers


async def test_pages_of_cors_origins_read_answers_and_play_recordings() -> None:
    async with _client(Guard(Inner(), SETTINGS)) as client:
        read = await client.get("/", headers={"Origin": PAGE, "Sec-Fetch-Site": "cross-site"})
        assert read.headers["access-control-allow-origin"] == PAGE
        assert read.headers["access-control-allow-credentials"] == "true"
        asked = {"Origin": PAGE, "Access-Control-Request-Method": "DELETE", "Access-Control-Request-Headers": "Authorization"}
        preflight = await client.options("/", headers=asked)
        assert preflight.status_code == 200
        assert "DELETE" in preflight.headers["access-control-allow-methods"]
        assert preflight.headers["access-control-allow-headers"] == "Authorization"
        assert (await client.options("/", headers=asked | {"Origin": "https://evil.example"})).status_code == 400
        for referer, policy in ((f"{PAGE}/", "cross-origin"), (f"{PAGE}.evil.example/{PAGE}", "same-origin")):
            played = await client.get("/", headers={"Referer": referer, "Sec-Fetch-Site": "cross-site"})
            assert played.headers["Cross-Origin-Resource-Policy"] == policy


async def test_the_documentation_is_served_from_here(client: httpx.AsyncClient) -> None:
    page = await client.get("/docs")
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(addresses) == 4
    assert "<script>" not in page.text
    for address in addresses:
        answer = await client.get(str(page.url.join(address)))
        assert answer.status_code == 200
        assert answer.headers["content-type"].split(";")[0] in ("text/css", "text/javascript", "image/png")
