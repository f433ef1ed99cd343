"""Live audio over a WebSocket: one connection is one conversation."""

import asyncio
import json
import logging
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter
from pydantic import ValidationError
from starlette.websockets import WebSocket, WebSocketDisconnect

from api.dependencies import ContextDep
from media.decoder import StreamError
from services.errors import ModelsUnavailableError, failure_reason
from services.live.finalization import FinishedRecording
from services.live.live_conversations import LiveConversations, NotResumableError, TooManyStreamsError
from services.live.messages import Start
from services.live.session import LiveSession, Status

logger = logging.getLogger("ray.serve")

LARGEST_FRAME = 8 * 2**20
"""Bytes; 43 s of what clients send who say nothing."""
LARGEST_TEXT = 2**16
OUTBOX = 1000
"""Messages that may wait for a client. Nobody speaks so many lines while one is sent."""

# RFC 6455, 7.4.1
NORMAL, UNSUPPORTED, POLICY, TOO_LARGE, FAILED, AGAIN = 1000, 1003, 1008, 1009, 1011, 1013


router = APIRouter(prefix="/streaming")


class _Refused(Exception):
    """The connection must end; says why, and with which code."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class _Gone(Exception):
    """The client has hung up."""


class _Client:
    """The other end of the connection."""

    def __init__(self, websocket: WebSocket, idle: float, patience: float) -> None:
        self.websocket = websocket
        self.idle = idle
        self.patience = patience
        self.outbox: asyncio.Queue[tuple[str, dict[str, Any]]] = asyncio.Queue(OUTBOX)

    def emit(self, type_: str, data: dict[str, Any]) -> None:
        """Send it when its turn comes."""
        with suppress(asyncio.QueueFull):
            self.outbox.put_nowait((type_, data))

    async def deliver(self) -> None:
        """Send what `emit` was given, in order, as long as this task lives. Raises _Refused, _Gone."""
        while True:
            type_, data = await self.outbox.get()
            try:
                await self.send(type_, data)
            finally:
                self.outbox.task_done()

    async def send(self, type_: str, data: dict[str, Any]) -> None:
        """Raises _Refused where the client does not read, _Gone where it has hung up."""
        timestamp = datetime.now(UTC).replace(tzinfo=None).isoformat()
        try:
            async with asyncio.timeout(self.patience):
                await self.websocket.send_text(json.dumps({"type": type_, "data": data, "timestamp": timestamp}))
        except TimeoutError:
            raise _Refused(f"Nothing was read for {self.patience:g} s.", FAILED) from None
        except (WebSocketDisconnect, RuntimeError, OSError) as error:
            raise _Gone from error

    async def receive(self) -> bytes | dict[str, Any]:
        """A piece of audio, or what a text says. Raises _Refused, _Gone."""
        try:
            async with asyncio.timeout(self.idle):
                message = await self.websocket.receive()
        except TimeoutError:
            raise _Refused(f"Nothing was sent for {self.idle:g} s.", POLICY) from None
        if message["type"] == "websocket.disconnect":
            raise _Gone
        if (data := message.get("bytes")) is not None:
            if len(data) > LARGEST_FRAME:
                raise _Refused(f"A frame is larger than {LARGEST_FRAME / 2**20:.0f} MB: send smaller ones.", TOO_LARGE)
            return bytes(data)
        return _parsed(message.get("text") or "")

    async def start(self) -> Start:
        """What the client begins with. Raises _Refused, _Gone."""
        message = await self.receive()
        if not isinstance(message, dict) or message.get("type") != "start":
            raise _Refused("Expected 'start' message", POLICY)
        try:
            return Start.model_validate(message)
        except ValidationError as error:
            faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
            raise _Refused(f"The 'start' message is wrong. {faults}", POLICY) from error

    async def refuse(self, message: str, code: int) -> None:
        """Say why, and close."""
        with suppress(_Refused, _Gone):
            await self.send("error", {"message": message})
        await self.close(code, message)

    async def close(self, code: int, reason: str = "") -> None:
        """At once, or never: a client that does not read is not waited for."""
        with suppress(Exception):
            async with asyncio.timeout(self.patience):
                await self.websocket.close(code, reason[:120])


@router.websocket("/ws")
async def stream(websocket: WebSocket, context: ContextDep) -> None:
    """`start`, then audio, then `stop`; the answers are `started`, `status`, `segment` and `completed`."""
    live, settings = context.live, context.settings
    client = _Client(websocket, settings.stream_idle_seconds, settings.ws_send_timeout_seconds)
    await websocket.accept()
    try:
        session = await live.start(await client.start(), client.emit)
        await _converse(client, live, session)
    except _Refused as error:
        await client.refuse(str(error), error.code)
    except NotResumableError as error:
        await client.refuse(str(error), POLICY)
    except (TooManyStreamsError, ModelsUnavailableError) as error:
        await client.refuse(str(error), AGAIN)
    except _Gone:
        pass
    except Exception:
        logger.exception("A live stream failed")
        await client.refuse("The server failed; its log says why.", FAILED)


async def _converse(client: _Client, live: LiveConversations, session: LiveSession) -> None:
    """Until the client says stop, is gone or has to go; the conversation is finished whichever it is."""
    finishing = False
    try:
        async with asyncio.TaskGroup() as group:
            delivery = group.create_task(client.deliver())
            successor = group.create_task(_give_way(session))
            code = await _listen(client, session)
            finishing = True
            successor.cancel()
            try:
                client.emit("completed", _completed(*await live.finish(session)))
            except Exception as error:
                logger.exception("Conversation %d could not be finished", session.conversation_id)
                client.emit("error", {"message": f"Finalization error: {failure_reason(error)}"})
                code = FAILED
            await client.outbox.join()
            delivery.cancel()
        await client.close(code)
    except* Exception as errors:
        raise errors.exceptions[0] from None
    finally:
        if not finishing:
            live.leave(session)


async def _give_way(session: LiveSession) -> None:
    """Raises _Refused once another connection goes on with the conversation."""
    await session.superseded.wait()
    raise _Refused("Another connection goes on with this conversation.", POLICY)


async def _listen(client: _Client, session: LiveSession) -> int:
    """Take audio until the client says stop; returns the code to close with."""
    rate = session.options.sample_rate
    started = {"conversation_id": session.conversation_id, "sample_rate": rate, "message": "Recording started"}
    if session.options.conversation_id is not None:
        started |= {"message": "Recording resumed", "total_audio_seconds": session.resumed_at}
    client.emit("started", started)
    while True:
        message = await client.receive()
        if isinstance(message, dict):
            if message.get("type") == "stop":
                return NORMAL
            continue
        try:
            status = await session.feed(message)
        except StreamError as error:
            client.emit("error", {"message": str(error)})
            return UNSUPPORTED
        except OSError as error:
            client.emit("error", {"message": f"The recording cannot be written: {error.strerror}."})
            return FAILED
        await client.outbox.put(("status", _status(status)))


def _status(status: Status) -> dict[str, Any]:
    data = asdict(status)
    return {"vad_active": data.pop("vad_active"), "audio_level": data.pop("audio_level"), "stats": data}


def _completed(done: FinishedRecording, failed: int) -> dict[str, Any]:
    return {
        "conversation_id": done.conversation_id,
        "num_segments": done.num_segments,
        "num_speakers": done.num_speakers,
        "duration": done.duration,
        "message": "Recording completed with segment-processing errors" if failed else "Recording completed and saved",
        "status": "completed_with_errors" if failed else "completed",
        "processing_errors": failed,
        "concatenation_status": "success" if done.audio_key else "empty",
    }


def _parsed(text: str) -> dict[str, Any]:
    try:
        message = json.loads(text) if len(text) <= LARGEST_TEXT else None
    except (ValueError, RecursionError):
        message = None
    if not isinstance(message, dict):
        raise _Refused('A text message must be a JSON object with a \'type\', such as {"type": "stop"}.', UNSUPPORTED)
    return message
