"""Web pages of others: DNS rebinding, cross-site forms and requests, and sockets. All are refused, none changes anything."""

import json
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from mcp_server.server import TOOLS
from settings import Settings
from storage.backups import backups
from storage.backups.snapshots import Running
from storage.postgres.database import Database
from tests.reliability.attacks.harness import TIMEOUT_S, Attacks, attacking, filled
from tests.storage.archive import add_speaker, add_talk
from tests.storage.transcripts import MODEL
from tests.support.application import serving
from tests.support.openapi import published

SETTINGS = Settings(max_upload_mb=1, speaker_threshold=0.5)
API = "/api/v1"
SCHEMA = published().document
OPERATIONS = [(method.upper(), path) for path, methods in SCHEMA["paths"].items() for method in methods]
PROBES = ("/health/live", "/health/ready")
PROFILE = json.dumps({"name": "evil", "speakers": [], "segments": []}).encode()
BODIES: Mapping[str, dict[str, Any]] = {
    "a form": {"data": {"name": "evil", "url": "http://127.0.0.1:9/x.wav"}},
    "a form with a file": {"files": {"file": ("evil.json", PROFILE), "audio_file": ("evil.wav", bytes(1000))}},
    "text that is JSON": {
        "content": b'{"title":"evil","new_name":"evil","into":2,"speaker_name":"evil","name":"evil","is_misidentified":true}',
        "headers": {"Content-Type": "text/plain"},
    },
    "nothing": {},
}
"""What a page may send to another origin without asking by a preflight."""
FOREIGN: Mapping[str, dict[str, str]] = {
    "another site": {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    "an old browser": {"Origin": "https://evil.example"},
    "a sandboxed frame": {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
    "another port": {"Origin": "http://127.0.0.1:1", "Sec-Fetch-Site": "same-site"},
    "no origin": {"Sec-Fetch-Site": "cross-site"},
    "a user in the origin": {"Origin": "{address}@evil.example"},
    "a longer name": {"Origin": "{address}.evil.example"},
}


async def fill(database: Database) -> None:
    """A conversation of two speakers, one of them without a name, and a profile."""
    async with database.session() as session:
        people = [await add_speaker(session, name, seed) for seed, name in enumerate(("Ana", "Unknown_01"))]
        await add_talk(session, people)
        await backups.create(session, Running(SETTINGS, MODEL), "home", None, empty=False)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("audio")


@pytest.fixture(scope="module")
def address(database_url: str, directory: Path) -> Iterator[str]:
    with serving(SETTINGS, database_url, directory, MODEL, fill) as address:
        yield address


@pytest.fixture
async def attacks(address: str, database_url: str, directory: Path) -> AsyncIterator[Attacks]:
    async with attacking(address, database_url, directory) as attacks:
        yield attacks


async def test_dns_rebinding(address: str, attacks: Attacks) -> None:
    port = urlsplit(address).port
    for host in (f"attacker.example:{port}", f"127.0.0.1.attacker.example:{port}", f"localhost@attacker.example:{port}", ""):
        rebound = {"Host": host, "Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin"}
        for method, path in OPERATIONS:
            if path not in PROBES:
                await attacks.send(f"{method} for {host or 'no host'}", method, filled(path), headers=rebound)
        for path in ("/", "/docs", "/openapi.json", "/mcp"):
            await attacks.send(f"GET for {host or 'no host'}", "GET", path, headers=rebound)
        for call in mcp_calls():
            await attacks.send(f"MCP for {host or 'no host'}", "POST", "/mcp", content=call, headers=rebound)
    assert attacks.sent > 300


@pytest.mark.parametrize("page", FOREIGN)
async def test_cross_site_requests(address: str, attacks: Attacks, page: str) -> None:
    headers = {name: value.format(address=address) for name, value in FOREIGN[page].items()}
    for method, path in OPERATIONS:
        if method == "GET":
            continue
        for body, options in BODIES.items():
            sent = options | {"headers": options.get("headers", {}) | headers}
            await attacks.send(f"{body} from {page}", method, filled(path), (403,), **sent)
    for call in mcp_calls():
        typed = headers | {"Content-Type": "text/plain"}
        await attacks.send(f"MCP from {page}", "POST", "/mcp", (403,), content=call, headers=typed)
    assert attacks.sent > 150


@pytest.mark.parametrize("page", FOREIGN)
async def test_cross_site_reads_are_unreadable(address: str, page: str) -> None:
    """A browser that gets no leave keeps the answer from the page, also as an image, a script or sound."""
    headers = {name: value.format(address=address) for name, value in FOREIGN[page].items()}
    async with httpx.AsyncClient(base_url=address, trust_env=False, timeout=120) as http:
        for path in ("/api/v1/search", "/api/v1/conversations/1", "/api/v1/profiles/download/home", "/docs", "/openapi.json"):
            answer = await http.get(path, headers=headers)
            assert "access-control-allow-origin" not in answer.headers
            assert answer.headers["cross-origin-resource-policy"] == "same-origin"


def test_foreign_sockets(address: str, attacks: Attacks) -> None:
    url = f"{address.replace('http', 'ws')}{API}/streaming/ws"
    for page, headers in FOREIGN.items():
        extra = {name: value.format(address=address) for name, value in headers.items()}
        attacks.count(f"a socket from {page}", _opened(url, extra), refused=(403,))
    port = urlsplit(address).port
    with socket.create_connection(("127.0.0.1", port)) as resolved:  # as the attacker's DNS resolves the name
        attacks.count(
            "a rebound socket", _opened(f"ws://attacker.example:{port}{API}/streaming/ws", sock=resolved), refused=(403,)
        )


def _opened(url: str, headers: Mapping[str, str] | None = None, sock: socket.socket | None = None) -> int:
    """The status of the answer; 101 where the socket is open."""
    try:
        with connect(url, additional_headers=headers, sock=sock, proxy=None, open_timeout=TIMEOUT_S):
            return 101
    except InvalidStatus as error:
        return error.response.status_code


def mcp_calls() -> list[bytes]:
    """A call of each tool."""
    arguments = {
        "conversation_id": 1, "segment_id": 1, "speaker_id": 1, "into_speaker_id": 2, "speaker_name": "evil",
        "new_name": "evil", "title": "evil", "emotion": "sad", "query": "Line", "url": "http://127.0.0.1:9/x.wav",
    }  # fmt: skip
    calls = []
    for tool, *_ in TOOLS:
        names = [name for name in tool.__annotations__ if name in arguments]
        call = {"name": tool.__name__, "arguments": {name: arguments[name] for name in names}}
        calls.append(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}).encode())
    return calls


@pytest.mark.parametrize("origin", ["{address}", None])
async def test_the_same_requests_of_the_own_page_and_of_programs_pass(address: str, origin: str | None) -> None:
    """Otherwise the attacks might have been refused for another reason."""
    headers = {} if origin is None else {"Origin": origin.format(address=address), "Sec-Fetch-Site": "same-origin"}
    async with httpx.AsyncClient(base_url=address + API, headers=headers, trust_env=False, timeout=120) as http:
        assert (await http.get("/search", params={"q": "line"})).json()["total"] == 4
        assert (await http.post("/settings/voice/reset")).status_code == 200
        imported = await http.post(
            "/profiles/import", files={"file": ("home.json", (await http.get("/profiles/download/home")).content)}
        )
        assert imported.status_code == 200
        restored = await http.post("/profiles/restore", params={"filename": imported.json()["filename"]})
        assert restored.status_code == 200
        renamed = await http.patch("/conversations/1", json={"title": "mine"})
        assert renamed.status_code == 200
        assert (await http.delete("/speakers/unknown/all")).status_code == 200
        assert (await http.post("/speakers/undo")).status_code == 200
        calls = [call for call in mcp_calls() if b"rename" in call or b"search" in call]
        for call in calls:
            said = (await http.post(f"{address}/mcp", content=call, headers={"Content-Type": "text/plain"})).json()
            assert "result" in said or said["error"]["code"] == -32000
    assert _opened(f"{address.replace('http', 'ws')}{API}/streaming/ws", headers) == 101
