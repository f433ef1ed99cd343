"""Validates answers against the published OpenAPI schema, formats included."""

import json
import re
from functools import cache
from typing import Any, NamedTuple

import httpx
import jsonschema_rs

from api.document import document

JSON = "application/json"
PARAMETER = re.compile(r"\\\{.+?\\\}")
"""Of a path, escaped for a pattern."""


class Operation(NamedTuple):
    path: str
    method: str


class Published:
    """The OpenAPI document of an application."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        # A path without a parameter goes before one that has one in its place, as the routes do.
        paths = sorted(document["paths"], key=lambda path: path.count("{"))
        self._patterns = [(re.compile(PARAMETER.sub("[^/]+", re.escape(path))), path) for path in paths]
        self._validators: dict[tuple[Operation, str], jsonschema_rs.Validator | None] = {}

    def check(self, method: str, path: str, status: int, media_type: str, body: bytes) -> None:
        """Raises AssertionError for an answer of another kind than the document says. Paths outside it may answer anything."""
        operation = self._operation(method, path)
        if operation is None or status >= 500:
            return
        responses = self.document["paths"][operation.path][operation.method]["responses"]
        assert str(status) in responses, (method, operation.path, status, "is not documented", body[:200])
        if not body or media_type.partition(";")[0] != JSON:
            return
        validator = self._validator(operation, str(status), responses[str(status)])
        for error in validator.iter_errors(json.loads(body)) if validator else ():
            raise AssertionError((method, path, status, error.message, error.instance_path))

    def _operation(self, method: str, path: str) -> Operation | None:
        for pattern, template in self._patterns:
            if pattern.fullmatch(path) and method.lower() in self.document["paths"][template]:
                return Operation(template, method.lower())
        return None

    def _validator(self, operation: Operation, status: str, response: dict[str, Any]) -> jsonschema_rs.Validator | None:
        key = (operation, status)
        if key not in self._validators:
            schema = response.get("content", {}).get(JSON, {}).get("schema")
            whole = {"components": self.document["components"], **(schema or {})}
            self._validators[key] = jsonschema_rs.validator_for(whole, validate_formats=True) if schema else None
        return self._validators[key]


@cache
def published() -> Published:
    return Published(document())


async def check_answer(response: httpx.Response) -> None:
    """An event hook of a client."""
    media_type = response.headers.get("content-type", "")
    body = await response.aread() if media_type.startswith(JSON) else b""
    published().check(response.request.method, response.request.url.path, response.status_code, media_type, body)
