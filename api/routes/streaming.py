"""Live audio over a WebSocket: one connection is one conversation."""

import asyncio
import logging
from contextlib import suppress

from fastapi import APIRouter, Response
from pydantic import Field
from starlette.websockets import WebSocket, WebSocketDisconnect

from api import schemas, security
from api.dependencies import ContextDep
from engines.weights.whisper_models import ModelError
from media.decoder import StreamError
from media.free_space import DiskFullError
from services.access.actor import actor
from services.access.authentication import TICKET_LIFETIME
from services.errors import LimitExceededError, ModelsUnavailableError, failure_reason
from services.live import client_messages, server_messages
from services.live.client_messages import ClientMessage, InvalidMessageError, NoMessageError, StartMessage, StopMessage
from services.live.live_conversations import LiveConversations, NotResumableError, TooManyStreamsError
from services.live.recorder import LengthError
from services.live.server_messages import ServerMessage
from services.live.session import LiveSession

logger = logging.getLogger("ray.serve")

MAX_FRAME_BYTES = 8 * 2**20
"""43 s of audio in the default encoding."""
MAX_REASON_BYTES = 123
"""Of a close frame (RFC 6455, 5.5): with a longer reason it is not sent."""
OUTBOX_SIZE = 1000
"""Messages that may wait for a client. That is more segments than are spoken while one message is sent."""

# RFC 6455, 7.4.1
NORMAL, UNSUPPORTED, POLICY, TOO_LARGE, FAILED, AGAIN = 1000, 1003, 1008, 1009, 1011, 1013


router = APIRouter(prefix="/streaming", dependencies=[security.WRITER])


class _RefusedError(Exception):
    """The server must close the connection, with a reason and a close code."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class _DisconnectedError(Exception):
    """The client has closed the connection."""


class _Client:
    """The client's end of the connection."""

    def __init__(self, websocket: WebSocket, idle_timeout_s: float, send_timeout_s: float) -> None:
        self.websocket = websocket
        self.idle_timeout_s = idle_timeout_s
        self.send_timeout_s = send_timeout_s
        self.outbox: asyncio.Queue[ServerMessage] = asyncio.Queue(OUTBOX_SIZE)

    def emit(self, message: ServerMessage) -> None:
        """Queue a message for `deliver`; it is dropped if the queue is full."""
        with suppress(asyncio.QueueFull):
            self.outbox.put_nowait(message)

    async def deliver(self) -> None:
        """Send the queued messages in order until cancelled. Raises _RefusedError, _DisconnectedError."""
        while True:
            message = await self.outbox.get()
            try:
                await self.send(message)
            finally:
                self.outbox.task_done()

    async def send(self, message: ServerMessage) -> None:
        """Raises _RefusedError if the client does not read, _DisconnectedError."""
        try:
            async with asyncio.timeout(self.send_timeout_s):
                await self.websocket.send_text(server_messages.encode(message))
        except TimeoutError:
            raise _RefusedError(f"Nothing was read for {self.send_timeout_s:g} s.", FAILED) from None
        except (WebSocketDisconnect, RuntimeError, OSError) as error:
            raise _DisconnectedError from error

    async def receive(self) -> bytes | ClientMessage | None:
        """A frame of audio, or a message; None for a message of unknown type.

        Raises InvalidMessageError, _RefusedError, _DisconnectedError.
        """
        try:
            async with asyncio.timeout(self.idle_timeout_s):
                frame = await self.websocket.receive()
        except TimeoutError:
            raise _RefusedError(f"Nothing was sent for {self.idle_timeout_s:g} s.", POLICY) from None
        if frame["type"] == "websocket.disconnect":
            raise _DisconnectedError
        if (data := frame.get("bytes")) is not None:
            if len(data) > MAX_FRAME_BYTES:
                size = MAX_FRAME_BYTES / 2**20
                raise _RefusedError(f"A frame is larger than {size:.0f} MB: send smaller ones.", TOO_LARGE)
            try:
                return client_messages.parse_binary(data)
            except NoMessageError:
                return bytes(data)
        try:
            return client_messages.parse(frame.get("text") or "")
        except NoMessageError as error:
            raise _RefusedError(str(error), UNSUPPORTED) from error

    async def start(self) -> StartMessage:
        """The first message. Raises _RefusedError, _DisconnectedError."""
        try:
            message = await self.receive()
        except InvalidMessageError as error:
            raise _RefusedError(str(error), POLICY) from error
        if not isinstance(message, StartMessage):
            raise _RefusedError("Expected 'start' message", POLICY)
        return message

    async def refuse(self, reason: str, code: int) -> None:
        """Send an error and close the connection."""
        with suppress(_RefusedError, _DisconnectedError):
            await self.send(server_messages.error(reason))
        await self.close(code, reason)

    async def close(self, code: int, reason: str = "") -> None:
        """Close the connection; a client that does not read may not receive the close frame."""
        with suppress(Exception):
            async with asyncio.timeout(self.send_timeout_s):
                await self.websocket.close(code, reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore"))


class StreamTicket(schemas.Schema):
    ticket: str = Field(description="For the query of the WebSocket's URL: `/api/v1/streaming/ws?ticket=…`.")
    expires_in: int = Field(description="Seconds in which it must be used.")


@router.post("/ticket", tags=["streaming"])
async def get_ticket(context: ContextDep, response: Response) -> StreamTicket:
    """A ticket that opens one WebSocket, once and soon, for browsers: they cannot send a header with it."""
    response.headers["Cache-Control"] = "no-store"
    ticket = await context.authentication.issue_ticket(actor().principal)
    return StreamTicket(ticket=ticket, expires_in=TICKET_LIFETIME.seconds)


@router.websocket("/ws")
async def stream(websocket: WebSocket, context: ContextDep) -> None:
    """Receives `start`, audio and `stop`; sends `started`, `status`, `segment` and `completed`."""
    live, settings = context.live, context.settings
    client = _Client(websocket, settings.stream_idle_seconds, settings.ws_send_timeout_seconds)
    await websocket.accept()
    try:
        session = await live.start(await client.start(), client.emit)
        await _converse(client, live, session)
    except _RefusedError as error:
        await client.refuse(str(error), error.code)
    except (ModelError, NotResumableError) as error:
        await client.refuse(str(error), POLICY)
    except (TooManyStreamsError, LimitExceededError, ModelsUnavailableError, DiskFullError) as error:
        await client.refuse(str(error), AGAIN)
    except _DisconnectedError:
        pass
    except Exception:
        logger.exception("A live stream failed")
        await client.refuse("The server failed; its log says why.", FAILED)


async def _converse(client: _Client, live: LiveConversations, session: LiveSession) -> None:
    """Record until the client stops, disconnects or must be disconnected; the conversation is finished in each case."""
    finishing = False
    try:
        async with asyncio.TaskGroup() as group:
            delivery = group.create_task(client.deliver())
            supersession = group.create_task(_end_if_superseded(session))
            code = await _record(client, session)
            finishing = True
            supersession.cancel()
            try:
                client.emit(await live.finish(session))
            except Exception as error:
                logger.exception("Conversation %d could not be finished", session.conversation_id)
                client.emit(server_messages.error(f"Finalization error: {failure_reason(error)}"))
                code = FAILED
            await client.outbox.join()
            delivery.cancel()
        await client.close(code)
    except* Exception as errors:
        raise errors.exceptions[0] from None
    finally:
        if not finishing:
            live.leave(session)


async def _end_if_superseded(session: LiveSession) -> None:
    """Raises _RefusedError once another connection resumes the conversation, or it was erased."""
    await session.superseded.wait()
    raise _RefusedError(session.end_reason, POLICY)


async def _record(client: _Client, session: LiveSession) -> int:
    """Record audio until the client stops; returns the code to close with."""
    options = session.options
    resumed_at = None if options.conversation_id is None else session.resumed_at
    token = options.resume_token if options.resumable else None
    client.emit(server_messages.started(session.conversation_id, options.sample_rate, resumed_at, token))
    while True:
        try:
            message = await client.receive()
        except InvalidMessageError:  # only `start` has fields, and a second one has no effect
            continue
        if isinstance(message, StopMessage):
            return NORMAL
        if not isinstance(message, bytes):
            continue
        try:
            status = await session.feed(message)
        except StreamError as error:
            client.emit(server_messages.error(str(error)))
            return UNSUPPORTED
        except LengthError as error:
            client.emit(server_messages.error(str(error)))
            return POLICY
        except OSError as error:
            reason = str(error.strerror).rstrip(".")
            client.emit(server_messages.error(f"The recording cannot be written: {reason}. What was received is kept."))
            return FAILED
        await client.outbox.put(status)
