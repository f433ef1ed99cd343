"""Whether a body is a JSON-RPC message: the SDK refuses one that is not with a validator's report, or takes a request with an
id that is no id for a notification, and does not answer."""

from mcp_types import INVALID_REQUEST, PARSE_ERROR
from mcp_types.jsonrpc import jsonrpc_message_adapter
from pydantic import ValidationError
from pydantic_core import from_json

ErrorAnswer = dict[str, object]


def refusal(body: bytes) -> ErrorAnswer | None:
    """The answer to a body that is no JSON-RPC message."""
    try:
        message = from_json(body)
    except ValueError:
        return _error(PARSE_ERROR, "Parse error: send a JSON object.", None)
    if not isinstance(message, dict):
        return _error(INVALID_REQUEST, "Invalid Request: send one JSON object, no batch.", None)
    id_ = message.get("id")
    known = isinstance(id_, str | int) and not isinstance(id_, bool)
    if not known and "id" in message:
        return _error(INVALID_REQUEST, "Invalid Request: `id` must be a string or an integer.", None)
    try:
        jsonrpc_message_adapter.validate_python(message, by_name=False)
    except ValidationError:
        fault = "Invalid Request: send `jsonrpc`: `2.0`, an `id`, the `method`'s name, and `params` as an object."
        return _error(INVALID_REQUEST, fault, id_ if known else None)
    return None


def _error(code: int, message: str, id_: object) -> ErrorAnswer:
    return {"jsonrpc": "2.0", "id": id_, "error": {"code": code, "message": message}}
