"""Limit the size of request bodies, also without a Content-Length header, and keep the disk from filling with them."""

import asyncio
import tempfile
from collections.abc import Set
from contextlib import suppress
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from media import free_space

MAX_SMALL_BYTES = 2**16
"""Of a request that anyone may send, and that is read into memory."""


SPOOLED_BYTES = 2**20
"""Larger files of a form are written to the temporary directory as they come, as Starlette does."""
CHECK_INTERVAL_BYTES = 2**24


class _TooLargeError(Exception):
    pass


class BodyLimit:
    """ASGI middleware that answers 413 as soon as a body exceeds `max_bytes`, or `MAX_SMALL_BYTES` for a path of `small`.

    It answers 507 if a large body would leave too little space on the disk. Small ones pass, such as those that delete.
    """

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
        expected = int(announced) if announced.isdigit() else 0
        checked = 0

        async def limited() -> Message:
            nonlocal received, checked
            message = await receive()
            received += len(message.get("body", b""))
            if received > max_bytes:
                raise _TooLargeError
            if received > SPOOLED_BYTES and received >= checked:
                checked = received + CHECK_INTERVAL_BYTES
                coming = max(expected - received, min(CHECK_INTERVAL_BYTES, max_bytes - received))
                await asyncio.to_thread(free_space.require, Path(tempfile.gettempdir()), coming)
            return message

        async def unless_refused(message: Message) -> None:
            if received <= max_bytes:  # FastAPI would answer the exception as a malformed form
                await send(message)

        with suppress(_TooLargeError):
            await self.app(scope, limited, unless_refused)
        if received > max_bytes:
            await refusal(scope, receive, send)
