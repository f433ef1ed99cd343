"""Numbers that are too large, wherever a client can send one, are refused; none causes a server error."""

import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from mcp_server.server import TOOLS, Server
from settings import Settings
from tests.reliability.attacks.harness import TIMEOUT_S, Attacks, filled
from tests.reliability.attacks.test_foreign_pages import fill
from tests.storage.transcripts import MODEL
from tests.support.application import serving
from tests.support.openapi import published

SETTINGS = Settings(max_upload_mb=1, speaker_threshold=0.5)
HUGE = ("9" * 5000, "-" + "9" * 5000, "9223372036854775808", "2147483648", "1e400", "-1e-5000", "NaN", "-Infinity")
"""Python refuses to read more than 4,300 digits; 2^63 and 2^31 do not fit PostgreSQL's integers."""
ANSWERED = range(200, 500)
SCHEMA: Mapping[str, Any] = published().document
OPERATIONS = [(method.upper(), path) for path, methods in SCHEMA["paths"].items() for method in methods]


@pytest.fixture(scope="module")
def address(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(SETTINGS, database_url, tmp_path_factory.mktemp("audio"), MODEL, fill) as address:
        yield address


@pytest.fixture
async def attacks(address: str) -> AsyncIterator[Attacks]:
    async with httpx.AsyncClient(base_url=address, timeout=TIMEOUT_S, trust_env=False) as http:
        attacks = Attacks(http)
        yield attacks
    assert attacks.tally.faults == []


def resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in schema:
        schema = SCHEMA["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def fields(operation: Mapping[str, Any], content_type: str) -> list[str]:
    content = operation.get("requestBody", {}).get("content", {})
    return list(resolved(content[content_type]["schema"]).get("properties", {})) if content_type in content else []


def is_number(schema: Mapping[str, Any]) -> bool:
    return schema.get("type") in ("integer", "number") or any(map(is_number, schema.get("anyOf", ())))


async def test_every_parameter_of_every_route(attacks: Attacks) -> None:
    for method, path in OPERATIONS:
        operation = SCHEMA["paths"][path][method.lower()]
        for parameter in operation.get("parameters", ()):
            name = parameter["name"]
            for value in HUGE:
                refused = range(400, 500) if len(value) > 4300 and is_number(resolved(parameter["schema"])) else ANSWERED
                if parameter["in"] == "path":
                    place = path.replace(f"{{{name}}}", value)
                    await attacks.send(f"{method} {path}", method, filled(place), refused)
                elif parameter["in"] == "query":
                    await attacks.send(f"{method} {path} {name}", method, filled(path), refused, params={name: value})
    assert attacks.sent > 500


async def test_every_field_of_every_body(attacks: Attacks) -> None:
    for method, path in OPERATIONS:
        operation = SCHEMA["paths"][path][method.lower()]
        for name in fields(operation, "application/json"):
            for value in HUGE:
                for body in (f'{{"{name}": {value}}}', f'{{"{name}": [{{"a": {value}}}]}}'):
                    headers = {"Content-Type": "application/json"}
                    await attacks.send(f"{method} {path} {name}", method, filled(path), ANSWERED, content=body, headers=headers)
        for name in fields(operation, "multipart/form-data") + fields(operation, "application/x-www-form-urlencoded"):
            for value in HUGE:
                form: dict[str, Any] = {"data": {name: value}, "files": {"another": ("x", b"x")}}
                await attacks.send(f"{method} {path} {name}", method, filled(path), ANSWERED, **form)
    assert attacks.sent > 300


@pytest.mark.parametrize("body", HUGE)
async def test_a_body_that_is_a_number(attacks: Attacks, body: str) -> None:
    headers = {"Content-Type": "application/json"}
    for method, path in OPERATIONS:
        if method not in ("GET", "DELETE") and "requestBody" in SCHEMA["paths"][path][method.lower()]:
            await attacks.send(f"{method} {path}", method, filled(path), content=body, headers=headers)


async def test_every_argument_of_every_tool(attacks: Attacks) -> None:
    tools = {tool.name: tool.input_schema for tool in await Server().list_tools()}
    assert tools.keys() == {tool.__name__ for tool, *_ in TOOLS}
    call = '{{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {{"name": "{0}", "arguments": {{"{1}": {2}}}}}}}'
    bodies = [
        call.format(name, argument, sent)
        for name, schema in tools.items()
        for argument in schema["properties"]
        for value in HUGE
        for sent in (value, f'"{value}"')
    ]
    read = '{{"jsonrpc": "2.0", "id": 1, "method": "resources/read", "params": {{"uri": "conversation://{0}"}}}}'
    bodies += [read.format(value) for value in HUGE]
    bodies += [f'{{"jsonrpc": "2.0", "id": {value}, "method": "ping"}}' for value in HUGE]
    bodies += [f'{{"jsonrpc": {value}, "id": 1, "method": "ping"}}' for value in HUGE]
    for body in bodies:
        answer = await attacks.http.post("/mcp", content=body)
        attacks.count(body[:120], answer.status_code, answer.text[:200], ANSWERED)
        if "on the server, whose log says why" in answer.text:
            attacks.tally.faults.append(f"{body[:120]}: {answer.text[:200]}")
    assert attacks.sent > 400


async def test_every_number_of_a_profile(attacks: Attacks) -> None:
    profile = (await attacks.http.get("/api/v1/profiles/download/home")).text
    values = {found[1]: found for found in re.finditer(r'"(\w+)"\s*:\s*\[*\s*("[^"]*"|-?[0-9][0-9.e+-]*)', profile)}
    assert {"version", "start_offset"} <= values.keys()
    for value in HUGE:
        for name, found in values.items():
            changed = profile[: found.start(2)] + value + profile[found.end(2) :]
            refused = range(400, 500) if len(value) > 4300 else ANSWERED
            answer = await attacks.http.post("/api/v1/profiles/import", files={"file": ("huge.json", changed)})
            attacks.count(f"import {name}", answer.status_code, answer.text[:200], refused)
            if answer.is_success:
                file = {"filename": answer.json()["filename"]}
                await attacks.send("restore", "POST", "/api/v1/profiles/restore", ANSWERED, params=file)
    for body in HUGE:
        await attacks.send("import", "POST", "/api/v1/profiles/import", files={"file": ("huge.json", body)})


@pytest.mark.parametrize("value", HUGE)
def test_every_option_of_a_stream(address: str, value: str) -> None:
    for option in ("sample_rate", "conversation_id", "channels", "resume_token", "language", "encoding", "title", "partials"):
        url = f"{address.replace('http', 'ws')}/api/v1/streaming/ws"
        with connect(url, proxy=None, open_timeout=TIMEOUT_S) as socket:
            socket.send(f'{{"type": "start", "{option}": {value}}}')
            answer = json.loads(socket.recv(TIMEOUT_S))
            assert "The server failed" not in answer["data"].get("message", ""), answer
