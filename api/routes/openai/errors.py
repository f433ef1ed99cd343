"""Errors in OpenAI's form, `{"error": {"message", "type", "param", "code"}}`, for every path below `/v1`."""

import json
from http import HTTPStatus
from typing import Any

from fastapi import HTTPException
from pydantic import Field
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import schemas, security

CODES = {401: "invalid_api_key", 403: "insufficient_permissions", 429: "rate_limit_exceeded"}
"""Where OpenAI has a code for the status."""
MAX_BODY_BYTES = 2**20
"""Of an error's answer, which is read into memory."""


class OpenAIErrorBody(schemas.Schema):
    message: str = Field(description="What is wrong and what to do about it.")
    type: str = Field(examples=["invalid_request_error"])
    param: str | None = Field(description="The field that is wrong.")
    code: str | None = Field(description="Its kind, for programs.", examples=["model_not_found"])


class OpenAIError(schemas.Schema):
    error: OpenAIErrorBody


RESPONSES: dict[int | str, dict[str, Any]] = {
    400: {"model": OpenAIError, "description": "A field is invalid, or the file holds no audio."},
    401: {"model": OpenAIError, "description": "No credential was sent where one is required, or it is not valid."},
    403: {"model": OpenAIError, "description": "The role of the caller does not include this."},
    413: {"model": OpenAIError, "description": "The body is larger than the server takes."},
    429: {"model": OpenAIError, "description": "Too many requests; `Retry-After` says when to try again."},
}


class Refused(HTTPException):
    """A refusal that names the field."""

    def __init__(
        self,
        status: int,
        message: str,
        param: str | None = None,
        code: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(status, {"message": message, "param": param, "code": code}, headers)


class OpenAIErrors:
    """Outermost ASGI middleware: converts the body of each error below `/v1`, from any handler, to OpenAI's form."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not security.is_openai(scope["path"]):
            await self.app(scope, receive, send)
            return
        start: Message | None = None
        body = b""

        async def translated(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start" and message["status"] >= HTTPStatus.BAD_REQUEST:
                start = message
                return
            if start is None:
                await send(message)
                return
            body = (body + message.get("body", b""))[:MAX_BODY_BYTES]
            if not message.get("more_body"):
                content = b"" if scope["method"] == "HEAD" else error_body(start["status"], body)
                await send(_start(start, len(content)))
                await send({"type": "http.response.body", "body": content})

        await self.app(scope, receive, translated)


def error_body(status: int, body: bytes) -> bytes:
    """The body of an error of this program or of Starlette in OpenAI's form."""
    try:
        detail = json.loads(body)["detail"]
    except (ValueError, KeyError, TypeError):
        detail = body.decode(errors="replace") or HTTPStatus(status).phrase
    return json.dumps(error_of(_status(status), detail)).encode()


def error_of(status: int, detail: Any) -> dict[str, Any]:
    """`detail` is a sentence, the faults of a validation, or what `Refused` has."""
    message, param, code = str(detail), None, None
    if isinstance(detail, list) and detail:
        message = detail[0]["msg"].removeprefix("Value error, ")
        if detail[0]["loc"]:
            param = str(detail[0]["loc"][0])
            message = f"{param}: {message}"
    elif isinstance(detail, dict):
        message, param, code = detail["message"], detail["param"], detail["code"]
    kind = "server_error" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "invalid_request_error"
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        kind = "rate_limit_error"
    return {"error": {"message": message, "type": kind, "param": param, "code": code or CODES.get(status)}}


def _status(status: int) -> int:
    """OpenAI answers 400 where a field is invalid."""
    return HTTPStatus.BAD_REQUEST if status == HTTPStatus.UNPROCESSABLE_ENTITY else status


def _start(message: Message, length: int) -> Message:
    headers = MutableHeaders(raw=list(message["headers"]))
    headers["content-type"] = "application/json"
    headers["content-length"] = str(length)
    return {**message, "status": int(_status(message["status"])), "headers": headers.raw}
