"""The text beside the structured content of a tool's result.

Of 19 open clients ten show a model only the text, four only the structure, four both
(https://olaservo-sandyland.static.hf.space/mcp/structured-content/client-survey.html). Claude Desktop shows the text: a summary
there hides the result from its model (https://github.com/blockscout/mcp-server/issues/324). So the text says everything, but
no JSON again: it names the fields of a list once.
"""

import json
from typing import Any

STRUCTURE_SINCE = "2025-06-18"
"""The version of MCP that introduced structured content. Clients of older ones parse the text as JSON."""


def compact_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def table(result: dict[str, Any]) -> str:
    """A line for each field that is not null, and one for each object of a list, below one with the names of its fields."""
    return "\n".join(_lines(name, value) for name, value in result.items() if value is not None)


def _lines(name: str, value: Any) -> str:
    if not isinstance(value, list) or not value or not all(isinstance(item, dict) for item in value):
        return f"{name}: {value if isinstance(value, str) else compact_json(value)}"
    columns = list(value[0])
    rows = (compact_json([item[column] for column in columns]) for item in value)
    return "\n".join([f"{name}: {', '.join(columns)}", *rows])
