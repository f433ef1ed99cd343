"""Requests that every route must refuse, made from the published schema.

Parameters have a wrong type or are out of bounds; bodies are missing, too large, no JSON or of another media type; ids are
those of nothing; methods are those that a route does not have.

Every probe fails validation, or names something that is not there: none changes anything.
"""

from collections.abc import Iterator
from typing import Any

from benchmarks.reliability.answers.recorder import Recorder
from benchmarks.reliability.answers.scene import MAX_UPLOAD_MB, NOBODY, Scene

VALUES: dict[str, Any] = {"emotion": "happy", "name": "nobody", "timestamp": "20200101_000000"}
"""For parameters in a path that are no ids."""
SAMPLE: dict[str, Any] = {"string": "x", "integer": 1, "number": 1.0, "boolean": True, "array": [], "object": {}}
METHODS = ("PUT", "PATCH", "DELETE", "POST")
TOO_LARGE = bytes((MAX_UPLOAD_MB << 20) + 1)
JSON, FORM, URLENCODED = "application/json", "multipart/form-data", "application/x-www-form-urlencoded"


def probes(scene: Scene) -> None:
    recorder = scene.recorder
    schema = recorder.ok("GET", "/openapi.json")
    for route, operations in schema["paths"].items():
        values = _values(operations)
        for name, operation in operations.items():
            method = name.upper()
            _parameters(recorder, method, route, operation, values)
            _body(recorder, method, route, operation, values, schema)
        other = next(one for one in METHODS if one.lower() not in operations)
        recorder.call(other, route, **values)
        if "get" in operations:
            recorder.call("HEAD", route, **values)


def _values(operations: dict[str, Any]) -> dict[str, Any]:
    parameters = next(iter(operations.values())).get("parameters", ())
    return {one["name"]: VALUES.get(one["name"], NOBODY) for one in parameters if one["in"] == "path"}


def _parameters(recorder: Recorder, method: str, route: str, operation: dict[str, Any], values: dict[str, Any]) -> None:
    parameters = operation.get("parameters", ())
    if any(one["in"] == "query" and one.get("required") for one in parameters):
        recorder.call(method, route, **values)
    for parameter in parameters:
        name, schema = parameter["name"], parameter["schema"]
        for value in _wrong(schema):
            if parameter["in"] == "path":
                recorder.call(method, route, **values | {name: value})
            elif parameter["in"] == "query":
                recorder.call(method, route, params={name: value}, **values)


def _wrong(schema: dict[str, Any]) -> Iterator[Any]:
    """Values that a parameter does not take."""
    for part in (schema, *schema.get("anyOf", ())):
        if part.get("type") in ("integer", "number", "boolean") or part.get("format") == "date-time" or "enum" in part:
            yield "wrong"
        if "minimum" in part:
            yield part["minimum"] - 1
        if "maximum" in part:
            yield part["maximum"] + 1
        if "maxLength" in part:
            yield "x" * (part["maxLength"] + 1)


def _body(
    recorder: Recorder, method: str, route: str, operation: dict[str, Any], values: dict[str, Any], schema: dict[str, Any]
) -> None:
    kinds = operation.get("requestBody", {}).get("content", {})
    if not kinds:
        if values:
            recorder.call(method, route, **values)
        return
    body = next(iter(kinds.values()))["schema"]
    body = body["anyOf"][0] if "anyOf" in body else body
    found = schema["components"]["schemas"][body["$ref"].rpartition("/")[2]] if "$ref" in body else body
    if values:
        sample = {name: _sample(found["properties"][name]) for name in found.get("required", ())}
        if JSON in kinds:
            recorder.call(method, route, json=sample, **values)
    contents = [
        (JSON, b"{"),
        (JSON, b"[]"),
        (JSON, b'"x"'),
        ("text/plain", b"x"),
        (JSON, b""),
        (FORM, b"x"),
        (URLENCODED, b"x=1"),
    ]
    for media_type, content in contents:
        recorder.call(method, route, content=content, headers={"Content-Type": media_type}, **values)
    recorder.call(method, route, content=TOO_LARGE, headers={"Content-Type": next(iter(kinds))}, **values)
    if JSON in kinds:
        for name, part in found["properties"].items():
            recorder.call(method, route, json={name: {"wrong": []} if _kind(part) != "object" else 1}, **values)


def _sample(schema: dict[str, Any]) -> Any:
    return schema["enum"][0] if "enum" in schema else SAMPLE[_kind(schema)]


def _kind(schema: dict[str, Any]) -> str:
    kind: str = schema["type"] if "type" in schema else _kind(schema["anyOf"][0]) if "anyOf" in schema else "object"
    return kind
