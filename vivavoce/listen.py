"""`vivavoce listen`: speaks into the live stream of a running application, and prints the lines as they come back."""

import json
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.sync.client import ClientConnection, connect

from media.decoding import decode
from pipeline.types import SAMPLE_RATE, Samples
from settings import Settings
from vivavoce.printing import line

PIECE = SAMPLE_RATE // 10
"""Samples that are sent at a time."""
PATIENCE = 600.0
"""Seconds without an answer after which the application is taken for dead; a long recording takes it a while to finish."""
LAST = 100
"""Characters that are shown of a line that is still being said."""
Source = Callable[[threading.Event], Iterator[Samples]]
"""Pieces of sound as they are made, until they end or the event is set."""


class ListenError(Exception):
    """The conversation cannot be held; one sentence that says what to do."""


def listen(address: str, source: Source, options: dict[str, Any], tell: Callable[[str, dict[str, Any]], None]) -> None:
    """Hold a conversation with the application at `address` (`http://host:port`).

    Args:
        source: The sound, 16 kHz mono.
        options: What `start` says beside the encoding.
        tell: Given the type and the data of every message, in this thread. Ctrl-C ends the sound; what was said is still told.

    Raises ListenError.
    """
    url = address.rstrip("/").replace("http", "ws", 1) + "/api/v1/streaming/ws"
    stop = threading.Event()
    try:
        with connect(url, proxy=None, max_size=None) as socket:
            start = {"type": "start", "encoding": "int16", "sample_rate": SAMPLE_RATE}
            socket.send(json.dumps(start | {name: value for name, value in options.items() if value is not None}))
            speaker = threading.Thread(target=_speak, args=(socket, source, stop), daemon=True)
            speaker.start()
            try:
                _hear(socket, tell, stop)
            finally:
                stop.set()
                speaker.join(5)
    except (OSError, InvalidHandshake) as error:
        raise ListenError(f"{address} does not answer: start `vivavoce serve`, or give --url ({error}).") from error


def show(type_: str, data: dict[str, Any]) -> None:
    """Print lines on stdout, and on stderr whatever else there is to say."""
    if type_ == "started":
        print(f"Conversation {data['conversation_id']}", file=sys.stderr)
    elif type_ == "partial":
        print(f"\r\x1b[K{data['text'][-LAST:]}", end="", file=sys.stderr, flush=True)
    elif type_ == "segment":
        if sys.stderr.isatty():
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
        print(line(data), flush=True)
    elif type_ == "error":
        print(data["message"], file=sys.stderr)
    elif type_ == "completed":
        counts = f"{data['num_segments']} lines, {data['num_speakers']} speakers"
        print(f"{data['message']}: {data['duration']:.0f} s, {counts}", file=sys.stderr)


def _hear(socket: ClientConnection, tell: Callable[[str, dict[str, Any]], None], stop: threading.Event) -> None:
    """Until the application has said all."""
    failed = ""
    while True:
        try:
            message = json.loads(socket.recv(PATIENCE))
        except KeyboardInterrupt:
            if stop.is_set():
                raise
            stop.set()
            continue
        except (ConnectionClosed, TimeoutError) as error:
            raise ListenError(failed or f"The connection was lost: {error}.") from error
        if message["type"] == "error":
            failed = message["data"]["message"]
        tell(message["type"], message["data"])
        if message["type"] == "completed":
            return


def _speak(socket: ClientConnection, source: Source, stop: threading.Event) -> None:
    try:
        for samples in source(stop):
            socket.send(np.rint(samples * 32768).clip(-32768, 32767).astype("<i2").tobytes())
        socket.send(json.dumps({"type": "stop"}))
    except ConnectionClosed:  # the other thread sees it, too, and knows why
        pass


def file(path: Path, settings: Settings, speed: float = 1.0) -> Source:
    """A file, played at `speed` times real time. Raises AudioError."""
    samples = decode(path, max_duration=settings.max_duration_hours * 3600)

    def play(stop: threading.Event) -> Iterator[Samples]:
        began = time.monotonic()
        for at in range(0, len(samples), PIECE):
            due = began + min(at + PIECE, len(samples)) / SAMPLE_RATE / speed  # a piece is there when it has been said
            if stop.wait(max(0.0, due - time.monotonic())):
                return
            yield samples[at : at + PIECE]

    return play


def microphone() -> Source:
    """What the default microphone hears, until Ctrl-C. Raises ListenError."""
    try:
        import sounddevice
    except (ImportError, OSError) as error:
        raise ListenError(
            f"The microphone needs sounddevice and PortAudio: pip install 'vivavoce[microphone]' ({error})."
        ) from error

    def record(stop: threading.Event) -> Iterator[Samples]:
        pieces: queue.SimpleQueue[Samples] = queue.SimpleQueue()

        def hear(data: Samples, _frames: int, _time: Any, _status: Any) -> None:
            pieces.put(data[:, 0].copy())

        with sounddevice.InputStream(SAMPLE_RATE, blocksize=PIECE, channels=1, dtype="float32", callback=hear):
            while not stop.is_set():
                yield pieces.get()

    try:
        sounddevice.check_input_settings(channels=1, samplerate=SAMPLE_RATE)
    except sounddevice.PortAudioError as error:
        raise ListenError(f"There is no microphone that can be used ({error}): give a file instead.") from error
    return record
