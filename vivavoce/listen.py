"""`vivavoce listen`: stream audio to a running application and print the segments as they come back."""

import json
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI
from websockets.sync.client import ClientConnection, connect
from websockets.uri import parse_uri

from media.decoding import decode
from pipeline.types import SAMPLE_RATE, Samples
from services.live import server_messages
from services.live.server_messages import (
    CompletedMessage,
    Emit,
    ErrorMessage,
    PartialMessage,
    SegmentMessage,
    ServerMessage,
    StartedMessage,
)
from settings import Settings
from vivavoce.printing import line

FRAME_SAMPLES = SAMPLE_RATE // 10
"""Samples in a binary frame: 100 ms."""
ANSWER_TIMEOUT_S = 600.0
"""The application counts as dead after this time without a message. It needs a while to finish a long recording."""
PARTIAL_WIDTH = 100
"""Characters shown of a partial transcription."""
Source = Callable[[threading.Event], Iterator[Samples]]
"""Yields pieces of 16 kHz mono audio in real time until it ends or the event is set."""


class ListenError(Exception):
    """The conversation cannot be recorded; the message is one sentence that says what to do."""


def listen(
    address: str, source: Source, options: dict[str, Any], on_message: Emit, headers: Mapping[str, str] | None = None
) -> None:
    """Stream audio to the application at `address` (`http://host:port`) until it has answered `completed`.

    Args:
        options: Fields of the `start` message other than the encoding and sample rate; those that are None are left out.
        headers: Of the request that opens the connection, such as an API key.
        on_message: Called with every message, in this thread. In the main thread Ctrl-C ends the audio; the messages that
            follow still come, unless it is repeated.

    Raises ListenError.
    """
    url = address.rstrip("/").replace("http", "ws", 1) + "/api/v1/streaming/ws"
    try:
        parse_uri(url)
    except (InvalidURI, ValueError) as error:
        raise ListenError(f"{address} is not the address of Vivavoce: give --url as http://HOST:PORT.") from error
    stop = threading.Event()
    try:
        with connect(url, proxy=None, max_size=None, additional_headers=headers) as socket:
            start = {"type": "start", "encoding": "int16", "sample_rate": SAMPLE_RATE}
            socket.send(json.dumps(start | {name: value for name, value in options.items() if value is not None}))
            sender = threading.Thread(target=_send, args=(socket, source, stop), daemon=True)
            sender.start()
            try:
                with _interrupted_by(stop):
                    _receive(socket, on_message)
            finally:
                stop.set()
                sender.join(5)
    except InvalidStatus as error:
        raise ListenError(f"{address} refuses: {_reason(error)}") from error
    except (OSError, InvalidHandshake) as error:
        raise ListenError(f"{address} does not answer: start `vivavoce serve`, or give --url ({error}).") from error


def _reason(refusal: InvalidStatus) -> str:
    try:
        return str(json.loads(refusal.response.body or b"")["detail"])
    except (ValueError, KeyError, TypeError):
        return f"it answered {refusal.response.status_code}."


def show(message: ServerMessage) -> None:
    """Print segments on stdout and everything else on stderr."""
    match message:
        case StartedMessage(data=started):
            print(f"Conversation {started.conversation_id}", file=sys.stderr)
        case PartialMessage(data=partial):
            print(f"\r\x1b[K{partial.text[-PARTIAL_WIDTH:]}", end="", file=sys.stderr, flush=True)
        case SegmentMessage(data=segment):
            if sys.stderr.isatty():
                print("\r\x1b[K", end="", file=sys.stderr, flush=True)
            print(line(segment.model_dump()), flush=True)
        case ErrorMessage(data=error):
            print(error.message, file=sys.stderr)
        case CompletedMessage(data=completed):
            counts = f"{completed.num_segments} lines, {completed.num_speakers} speakers"
            print(f"{completed.message}: {completed.duration:.0f} s, {counts}", file=sys.stderr)


@contextmanager
def _interrupted_by(stop: threading.Event) -> Iterator[None]:
    """Within the block the first Ctrl-C sets the event: an exception while a message is printed would lose that message."""
    if threading.current_thread() is not threading.main_thread():  # which alone gets signals
        yield
        return

    def handle(signum: int, frame: FrameType | None) -> None:
        if stop.is_set():
            signal.default_int_handler(signum, frame)
        stop.set()

    former = signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, former)


def _receive(socket: ClientConnection, on_message: Emit) -> None:
    """Until the application has sent `completed`."""
    failed = ""
    while True:
        try:
            message = server_messages.parse(socket.recv(ANSWER_TIMEOUT_S, decode=True))
        except (ConnectionClosed, TimeoutError) as error:
            raise ListenError(failed or f"The connection was lost: {error}.") from error
        if message is None:
            continue
        if isinstance(message, ErrorMessage):
            failed = message.data.message
        on_message(message)
        if isinstance(message, CompletedMessage):
            return


def _send(socket: ClientConnection, source: Source, stop: threading.Event) -> None:
    try:
        for samples in source(stop):
            socket.send(np.rint(samples * 32768).clip(-32768, 32767).astype("<i2").tobytes())
        socket.send(json.dumps({"type": "stop"}))
    except ConnectionClosed:  # the receiving thread raises the error
        pass


def file(path: Path, settings: Settings, speed: float = 1.0) -> Source:
    """A file, played at `speed` times real time. Raises AudioError."""
    samples = decode(path, max_duration=settings.max_duration_hours * 3600)

    def play(stop: threading.Event) -> Iterator[Samples]:
        began = time.monotonic()
        for at in range(0, len(samples), FRAME_SAMPLES):
            due = began + min(at + FRAME_SAMPLES, len(samples)) / SAMPLE_RATE / speed  # when its last sample is spoken
            if stop.wait(max(0.0, due - time.monotonic())):
                return
            yield samples[at : at + FRAME_SAMPLES]

    return play


def microphone() -> Source:
    """The default microphone, until Ctrl-C. Raises ListenError."""
    try:
        import sounddevice
    except (ImportError, OSError) as error:
        raise ListenError(
            f"The microphone needs sounddevice and PortAudio: pip install 'vivavoce[microphone]' ({error})."
        ) from error

    def record(stop: threading.Event) -> Iterator[Samples]:
        pieces: queue.SimpleQueue[Samples] = queue.SimpleQueue()

        def receive(data: Samples, _frames: int, _time: Any, _status: Any) -> None:
            pieces.put(data[:, 0].copy())

        with sounddevice.InputStream(SAMPLE_RATE, blocksize=FRAME_SAMPLES, channels=1, dtype="float32", callback=receive):
            while not stop.is_set():
                yield pieces.get()

    try:
        sounddevice.check_input_settings(channels=1, samplerate=SAMPLE_RATE)
    except sounddevice.PortAudioError as error:
        raise ListenError(f"There is no microphone that can be used ({error}): give a file instead.") from error
    return record
