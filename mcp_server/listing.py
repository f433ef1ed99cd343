"""Compact JSON schemas: `tools/list` is in the context of every conversation that a model has with these tools."""

from typing import Any

Schema = dict[str, Any]

NULL = {"type": "null"}
UNSAID = {"anyOf", "title", "examples", "minimum", "minLength", "maxLength", "format"}
"""Of an argument. The server checks it, and says what is wrong."""
LARGEST_PAGE = 1000
"""A larger maximum is that of ids, which come from results."""


def arguments(schema: Schema) -> Schema:
    """The schema of a tool's arguments. That of an optional one has no null: it is left out, though null is understood."""
    named = {name: _argument(one) for name, one in schema.get("properties", {}).items()}
    required = {"required": schema["required"]} if "required" in schema else {}
    return {"type": "object", "properties": named} | required


def result(schema: Schema) -> Schema:
    """The schema of a tool's result: the names and types of its fields, without those of what it lists."""
    return {"type": "object", "properties": {name: _field(one) for name, one in schema["properties"].items()}}


def _argument(schema: Schema) -> Schema:
    found = {key: value for key, value in (_kind(schema) | schema).items() if key not in UNSAID}
    if not found.get("default"):  # empty, 0 or false
        found.pop("default", None)
    if found.get("maximum", 0) > LARGEST_PAGE:
        del found["maximum"]
    return found


def _field(schema: Schema) -> Schema:
    """Nothing of a field that may be null."""
    kind = _kind(schema)
    if NULL in schema.get("anyOf", ()):
        return {}
    return {"type": "object"} if "$ref" in kind else {key: kind[key] for key in ("type",) if key in kind}


def _kind(schema: Schema) -> Schema:
    kinds: list[Schema] = schema.get("anyOf", [schema])
    (kind,) = [one for one in kinds if one != NULL]
    return kind
