"""Compare two recordings of answers: a unified diff of every exchange that differs."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from difflib import unified_diff
from pathlib import Path
from typing import Any

from benchmarks.reliability.answers.normalise import Json

TOLERANCE = 1e-3
"""By how much two numbers may differ. Windows that other requests fill up a batch with change the last digits of a model's
results. A tolerance, where rounding would show a difference if a value lies near the middle between two rounded ones."""
PROSE = ("description", "summary", "title", "instructions")
"""The fields of the published schemas that hold prose."""
SHOWN = 200
"""Characters of a request in the headings of the diff."""
SCHEMAS = (
    "GET /openapi.json",
    "MCP tools/list",
    "MCP stdio tools/list",
    "MCP prompts/list",
    "MCP resources/templates/list",
    "MCP server",
)
JSON_RPC, JSON_RPC_SCHEMAS = "POST /mcp", ("initialize", "tools/list")


def differences(before: Path, after: Path, *, without_prose: bool) -> Iterator[str]:
    """The lines of the diff; none where the answers are the same."""
    old, new = (_exchanges(json.loads(path.read_text()), without_prose) for path in (before, after))
    for key in [*old, *(key for key in new if key not in old)]:
        one, other = old.get(key), new.get(key)
        title = key[:SHOWN]
        lines = _lines(one), _lines(_settled(one, other))
        yield from unified_diff(lines[0], lines[1], f"{before.name}: {title}", f"{after.name}: {title}", lineterm="")


def _exchanges(recording: list[dict[str, Any]], without_prose: bool) -> dict[str, Json]:
    """By the request, and how often it was sent before: an exchange more or less does not shift the others."""
    found: dict[str, Json] = {}
    count: Counter[str] = Counter()
    for recorded in recording:
        exchange = recorded
        name = f"{exchange['name']} {json.dumps(exchange['request'], sort_keys=True, ensure_ascii=False)}"
        count[name] += 1
        answer = exchange["answer"]
        if exchange["name"] == JSON_RPC:
            answer = _with_text_parsed(answer)
        if without_prose and _publishes(exchange):
            answer = _structure(answer, answer.get("body"))
        exchange = exchange | {"answer": answer}
        found[f"#{count[name]} {name}"] = exchange
    return found


def _publishes(exchange: dict[str, Any]) -> bool:
    """Whether the answer holds schemas, or other descriptions of the interface."""
    if exchange["name"] == JSON_RPC:
        return exchange["request"].get("json", {}).get("method") in JSON_RPC_SCHEMAS
    return exchange["name"] in SCHEMAS


def _with_text_parsed(value: Any) -> Any:
    """A tool's result with its JSON text parsed into an object; the fields of an object have no order."""
    if isinstance(value, list):
        return [_with_text_parsed(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("type") == "text" and str(value.get("text")).startswith("{"):
        return value | {"text": json.loads(value["text"])}
    return {name: _with_text_parsed(item) for name, item in value.items()}


def _settled(before: Json, after: Json) -> Json:
    """`after` with the numbers of `before` where they are near enough."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        return {name: _settled(before.get(name), value) for name, value in after.items()}
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        return [_settled(one, other) for one, other in zip(before, after, strict=True)]
    if isinstance(before, float) and isinstance(after, (int, float)) and not isinstance(after, bool):
        return before if abs(before - after) <= TOLERANCE else after
    return after


def _structure(value: Any, document: Any, seen: tuple[str, ...] = ()) -> Json:
    """A published schema without its prose and without the names of its components, which are inlined."""
    if isinstance(value, list):
        return [_structure(item, document, seen) for item in value]
    if not isinstance(value, dict):
        plain: Json = value
        return plain
    pointer = value.get("$ref")
    if isinstance(pointer, str) and pointer.startswith("#/"):
        if pointer in seen:
            return "<recursion>"
        target: Any = document
        for name in pointer.removeprefix("#/").split("/"):
            target = target[name]
        return _structure(target, document, (*seen, pointer))
    kept = {name: item for name, item in value.items() if name not in ("components", "$defs")}
    if isinstance(required := kept.get("required"), list):
        kept["required"] = sorted(required)  # JSON Schema gives the order no meaning
    return {
        name: _structure(item, item if name in ("inputSchema", "outputSchema") else document, seen)
        for name, item in kept.items()
        if not (name in PROSE and isinstance(item, str))
    }


def _lines(value: Json) -> list[str]:
    """Names in order: JSON objects have none."""
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False).splitlines() if value is not None else []
