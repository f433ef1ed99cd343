"""The audit log over REST: who reads it, and the refused and failed requests in it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import Message

from api import refusals
from pipeline.access import Role
from settings import Settings
from storage.postgres.database import Database
from tests.api.mcp.conftest import held
from tests.storage.transcripts import MODEL
from tests.support.application import Application, answering, connected, no_stages
from tests.support.principals import become, person


@pytest.fixture
async def application(database: Database, database_url: str, tmp_path: Path) -> AsyncIterator[Application]:
    settings = Settings(data_path=tmp_path, speaker_threshold=0.5)
    async with (
        connected(settings, database_url, tmp_path / "audio", no_stages(), MODEL) as context,
        answering(context) as application,
    ):
        yield application


@pytest.fixture
def api(application: Application) -> httpx.AsyncClient:
    return application.client


async def log(api: httpx.AsyncClient, **filters: Any) -> list[dict[str, Any]]:
    key = api.headers.pop("authorization", None)
    answer = await api.get("/audit", params=filters)
    assert answer.status_code == 200, answer.text
    if key is not None:
        api.headers["authorization"] = key
    found: list[dict[str, Any]] = answer.json()["entries"]
    return found


async def test_administrators_read_it_in_pages(api: httpx.AsyncClient, database: Database) -> None:
    for threshold in (0.5, 0.6, 0.7):
        changed = await api.post("/settings/voice", json={"emotion_threshold": threshold}, headers={"X-Request-ID": "r-7"})
        assert changed.status_code == 200, changed.text
    answer = (await api.get("/audit", params={"action": "settings", "skip": 1, "limit": 1})).json()
    assert (answer["total"], answer["skip"], answer["limit"], len(answer["entries"])) == (3, 1, 1, 1)
    entry = answer["entries"][0]
    assert (entry["principal"], entry["action"], entry["outcome"]) == ("local", "settings.change", "ok")
    assert (entry["request_id"], entry["address"], entry["object"]) == ("r-7", "127.0.0.1", None)
    assert await log(api, until=entry["at"], action="settings.change", principal="local") != []
    assert await log(api, since="2100-01-01T00:00:00") == []
    for wrong in ({"limit": 0}, {"since": "yesterday"}, {"action": "a\0"}, {"object": "x" * 201}):
        assert (await api.get("/audit", params=wrong)).status_code == 422, wrong
    become(api, await person(database, "will"))
    assert (await api.get("/audit")).status_code == 403


async def test_what_is_denied_is_in_it(api: httpx.AsyncClient, database: Database) -> None:
    reader = await person(database, "rita", Role.READER)
    become(api, reader)
    assert (await api.delete("/speakers/12")).status_code == 403
    assert (await api.delete("/profiles/Ada")).status_code == 403
    api.headers["authorization"] = "Bearer vv_wrong"
    assert (await api.get("/conversations/7")).status_code == 401
    api.headers.pop("authorization")
    assert (await api.get("/conversations", headers={"Host": "evil.example"})).status_code == 403
    rows = [(entry["principal"], entry["object"]) for entry in await log(api, action="request", outcome="denied")]
    assert rows == [
        ("anonymous", "GET /api/v1/conversations"),
        ("anonymous", "GET /api/v1/conversations"),
        (reader.principal.name, "DELETE /profiles/{name}"),
        (reader.principal.name, "DELETE /speakers/12"),
    ]


async def test_a_change_that_fails_is_in_it(api: httpx.AsyncClient) -> None:
    assert (await api.patch("/conversations/999", json={"title": "x"})).status_code == 404
    assert (await api.get("/conversations/999")).status_code == 404  # would not have changed anything
    rows = [(entry["object"], entry["outcome"]) for entry in await log(api, action="request")]
    assert rows == [("PATCH /conversations/999", "failed")]


async def test_the_rest_of_a_path_is_left_out(api: httpx.AsyncClient) -> None:
    assert (await api.post("http://localhost/v1/models/owner/name")).status_code == 405
    rows = [(entry["object"], entry["outcome"]) for entry in await log(api, action="request")]
    assert rows == [("POST /models/{model}", "failed")]


async def test_refused_and_failed_tools_are_in_it(application: Application, database: Database) -> None:
    api = application.client
    writer = await person(database, "will")

    async def call(name: str, **arguments: Any) -> None:
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": arguments}}
        answer = await api.post("http://localhost/mcp", json=body, headers={"Accept": "application/json, text/event-stream"})
        assert answer.json()["result"]["isError"]

    async with held(application.app.router.lifespan_context(application.app)):
        become(api, writer)
        await call("delete_speaker", speaker_id=1)
        await call("rename_speaker", speaker_id=1, new_name="Ada")
        await call("get_conversation", conversation_id=1)  # would not have changed anything
    rows = [(entry["principal"], entry["object"], entry["outcome"]) for entry in await log(api, action="tool")]
    name = writer.principal.name
    assert rows == [(name, "rename_speaker", "failed"), (name, "delete_speaker", "denied")]


async def test_a_refused_socket_is_in_it(application: Application) -> None:
    headers = [(b"host", b"localhost"), (b"origin", b"https://evil.example")]
    scope = {
        "type": "websocket",
        "path": "/api/v1/streaming/ws",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "query_string": b"",
    }
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    await application.app(scope, receive, send)
    assert sent[0]["type"] == "websocket.close"
    rows = [(entry["object"], entry["outcome"]) for entry in await log(application.client, action="request")]
    assert rows == [("WEBSOCKET /api/v1/streaming", "denied")]


async def test_a_flood_of_refusals_does_not_fill_it(api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusals, "MAX_OF_ADDRESS", 3)
    for _ in range(10):
        assert (await api.delete("/conversations/999")).status_code == 404
    assert len(await log(api, action="request")) == 3
    monkeypatch.setattr(refusals, "WINDOW_S", 0.0)
    assert (await api.delete("/conversations/999")).status_code == 404
    newest = await log(api, action="request")
    assert len(newest) == 5
    assert {entry["object"] for entry in newest[:2]} == {"requests:7", "DELETE /conversations/999"}
