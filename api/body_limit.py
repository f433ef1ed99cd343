"""Limit the size of request bodies, also without a Content-Length header."""

from contextlib import suppress

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class _TooLargeError(Exception):
    pass


class BodyLimit:
    """ASGI middleware that answers 413 as soon as a body exceeds `max_bytes`."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self.app = app
        self.max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        received = 0
        refusal = JSONResponse(
            {"detail": f"The upload is larger than {self.max_bytes / 2**20:.0f} MB. Send less, or raise MAX_UPLOAD_MB."}, 413
        )
        announced = Headers(scope=scope).get("content-length", "0")
        if announced.isdigit() and int(announced) > self.max_bytes:
            await refusal(scope, receive, send)
            return

        async def limited() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self.max_bytes:
                raise _TooLargeError
            return message

        async def unless_refused(message: Message) -> None:
            if received <= self.max_bytes:  # FastAPI would answer the exception as a malformed form
                await send(message)

        with suppress(_TooLargeError):
            await self.app(scope, limited, unless_refused)
        if received > self.max_bytes:
            await refusal(scope, receive, send)
