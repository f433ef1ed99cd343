"""Limit the size of request bodies, also without a Content-Length header."""

from collections.abc import Set
from contextlib import suppress

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_SMALL_BYTES = 2**16
"""Of a request that anyone may send, and that is read into memory."""


class _TooLargeError(Exception):
    pass


class BodyLimit:
    """ASGI middleware that answers 413 as soon as a body exceeds `max_bytes`, or `MAX_SMALL_BYTES` for a path of `small`."""

    def __init__(self, app: ASGIApp, max_bytes: int, small: Set[str] = frozenset()) -> None:
        self.app = app
        self.max_bytes = max_bytes
        self.small = small

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        received = 0
        if scope["path"] in self.small:
            max_bytes, sentence = MAX_SMALL_BYTES, f"The request is larger than {MAX_SMALL_BYTES >> 10} KB."
        else:
            max_bytes = self.max_bytes
            sentence = f"The upload is larger than {max_bytes / 2**20:.0f} MB. Send less, or raise MAX_UPLOAD_MB."
        refusal = JSONResponse({"detail": sentence}, 413)
        announced = Headers(scope=scope).get("content-length", "0")
        if announced.isdigit() and int(announced) > max_bytes:
            await refusal(scope, receive, send)
            return

        async def limited() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > max_bytes:
                raise _TooLargeError
            return message

        async def unless_refused(message: Message) -> None:
            if received <= max_bytes:  # FastAPI would answer the exception as a malformed form
                await send(message)

        with suppress(_TooLargeError):
            await self.app(scope, limited, unless_refused)
        if received > max_bytes:
            await refusal(scope, receive, send)
