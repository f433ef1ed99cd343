"""Live conversations over the WebSocket.

Kept are the messages with what does not depend on when they are sent. Of `status` that is everything but `segments_processed`
(how many segments are done when a frame comes); of `partial`, the transcript of a segment so far, that its text
begins with its stable part; and the order of messages among those that are neither.
"""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from benchmarks.reliability.answers.recorder import PREFIX, Recorder
from benchmarks.reliability.answers.scene import NOBODY, Scene

TYPES = {"started", "status", "segment", "partial", "speaker_update", "completed", "error"}
"""Of messages that a server can send."""
RATE, LEGACY_RATE = 16_000, 48_000
TIMEOUT_S = 600.0
BOTH_SPEAK = slice(6 * RATE, 22 * RATE)
"""Of the call."""
MAX_FRAME_BYTES = 8 * 2**20
PCM = {"encoding": "int16", "sample_rate": RATE}
ENGLISH = {**PCM, "language": "en"}


class Stream:
    """One connection. Frames are sent one after the other, each when the one before was answered."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self.sent: list[Any] = []
        self.messages: list[dict[str, Any]] = []
        self.closed: list[Any] = []
        self.token: str | None = None
        """Of the conversation, if it is resumable."""

    def say(self, **message: Any) -> None:
        shown = {name: "<token>" if name == "resume_token" else value for name, value in message.items()}
        self.sent.append(shown)
        self._connection.send(json.dumps(message))

    def send(self, data: bytes | str) -> None:
        self.sent.append(data[:80] if isinstance(data, str) else f"{len(data)} bytes")
        self._connection.send(data)

    def start(self, **options: Any) -> int:
        """Returns the conversation's id."""
        self.say(type="start", **options)
        started = self.until("started")
        self.token = started.get("resume_token")
        return int(started["conversation_id"])

    def play(self, samples: NDArray[np.float32], frame_s: float = 0.5) -> None:
        """16 kHz samples as int16."""
        data = (samples * 32767).astype("<i2")
        size = round(frame_s * RATE)
        for at in range(0, len(data), size):
            self.send(data[at : at + size].tobytes())
            self.until("status")

    def until(self, type_: str) -> dict[str, Any]:
        """The data of the next message of this type; raises ConnectionClosed where none comes."""
        while True:
            message = json.loads(self._connection.recv(TIMEOUT_S))
            self.messages.append(message)
            if message["type"] == type_:
                data: dict[str, Any] = message["data"]
                return data

    def stop(self) -> None:
        self.say(type="stop")
        self.read()

    def read(self) -> None:
        """Everything until the server closes."""
        try:
            self.until("")
        except ConnectionClosed as error:
            self.closed = [error.rcvd.code, error.rcvd.reason] if error.rcvd else [None]


@contextmanager
def stream(recorder: Recorder, name: str) -> Iterator[Stream]:
    """A connection; its messages are recorded at the end."""
    address = recorder.address.replace("http", "ws", 1)
    with connect(f"{address}{PREFIX}/streaming/ws", proxy=None, max_size=None) as connection:
        found = Stream(connection)
        yield found
    messages = found.messages
    recorder.messages |= {message["type"] for message in messages}
    statuses = [message["data"] for message in messages if message["type"] == "status"]
    partials = [message for message in messages if message["type"] == "partial"]
    hung_up = not found.closed  # then it is chance which segments came before
    answer: dict[str, Any] = {
        "messages": [
            one for one in messages if one["type"] not in ("status", "partial") and not (hung_up and one["type"] == "segment")
        ],
        "statuses": statuses,
        "partials": {
            "fields": sorted({name for message in partials for name in (*message, *message["data"])}),
            "begin with what is stable": all(one["data"]["text"].startswith(one["data"]["stable"]) for one in partials),
        },
        "closed": found.closed,
    }
    recorder.keep(f"WS {name}", found.sent, answer, varying=("segments_processed", "resume_token"))


def live(scene: Scene) -> None:
    """All kinds of live conversations.

    One without `speaker_update` is diarized once more after its end. The server diarizes one recording at a time, so that a
    later `speaker_update` comes after that; until then only known speakers are identified.
    """
    recorder = scene.recorder
    first = legacy(scene)
    hang_up(scene)
    resume(scene)
    partials(scene)
    refusals(scene)
    with stream(recorder, "two people") as one:
        one.start(**ENGLISH, title="Live call", num_speakers=2, speaker_update=True)
        one.play(samples(scene.files["call.flac"])[BOTH_SPEAK])
        one.stop()
    with stream(recorder, "webm") as one:
        one.start(encoding="webm", title="Live WebM", speaker_update=True)
        one.send(scene.files["moon.webm"])
        one.stop()
    with stream(recorder, "broken webm") as one:
        last = one.start(encoding="webm", speaker_update=True)
        one.send(b"This is no WebM." * 1000)
        one.read()
    for conversation in range(first, last + 1):
        recorder.call("GET", "conversations/{conversation_id}", conversation_id=conversation)
    recorder.call("GET", "speakers")


def legacy(scene: Scene) -> int:
    """A client of the system that this one replaces: a bare start, float32 at 48 kHz, frames that do not wait for answers.

    Returns the conversation's id.
    """
    with stream(scene.recorder, "legacy") as one:
        conversation = one.start()
        data = soxr.resample(samples(scene.files["ada2.flac"]), RATE, LEGACY_RATE).astype("<f4")
        frames = range(0, len(data), LEGACY_RATE)
        for at in frames:
            one.send(data[at : at + LEGACY_RATE].tobytes())
        for _ in frames:
            one.until("status")
        one.stop()
    return conversation


def hang_up(scene: Scene) -> None:
    with stream(scene.recorder, "hang up") as one:
        conversation = one.start(**ENGLISH, title="Hung up")
        one.play(samples(scene.files["ben2.flac"]))
    scene.recorder.until(f"conversations/{conversation}", lambda found: found["status"] == "completed")


def resume(scene: Scene) -> None:
    recorder, audio = scene.recorder, samples(scene.files["ben3.flac"])
    with stream(recorder, "resumable") as one:
        conversation = one.start(**ENGLISH, title="Resumed", resumable=True)
        one.play(audio[: 4 * RATE])
        token = one.token
    with stream(recorder, "resumed without the token") as one:
        one.say(type="start", conversation_id=conversation)
        one.read()
    recorder.call("GET", "conversations", params={"status": "recording"})
    recorder.call("GET", "conversations/{conversation_id}/progress", conversation_id=conversation)
    for method, route in (("DELETE", ""), ("POST", "/reprocess"), ("POST", "/rematch")):
        recorder.call(method, f"conversations/{{conversation_id}}{route}", conversation_id=conversation)
    with stream(recorder, "resumed") as one:
        one.start(**ENGLISH, conversation_id=conversation, resume_token=token, resumable=True)
        one.play(audio[4 * RATE :])
        one.stop()
    with stream(recorder, "resumed too late") as one:
        one.say(type="start", conversation_id=conversation, resume_token=token)
        one.read()


def partials(scene: Scene) -> None:
    audio = samples(scene.files["ada3.flac"])
    with stream(scene.recorder, "partials") as one:
        one.start(**ENGLISH, title="Partial", partials=True)
        one.play(audio[: 3 * RATE])
        if not any(message["type"] == "partial" for message in one.messages):
            one.until("partial")
        one.play(audio[3 * RATE :])
        one.say(type="pause")
        one.stop()


def refusals(scene: Scene) -> None:
    recorder = scene.recorder
    for name, data in (
        *(
            ("no JSON", "{"),
            ("no object", "[]"),
            ("no start", '{"type": "stop"}'),
            ("no type", "{}"),
            ("audio first", bytes(3200)),
        ),
        *(
            ("text too long", json.dumps({"type": "start", "title": "x" * 70_000})),
            ("frame too large", bytes(MAX_FRAME_BYTES + 1)),
        ),
    ):
        with stream(recorder, name) as one:
            one.send(data)
            one.read()
    for options in (
        *({"sample_rate": 7999}, {"sample_rate": "fast"}, {"encoding": "mp3"}, {"language": "klingon"}, {"num_speakers": 0}),
        *({"title": "x" * 1001}, {"conversation_id": 0}, {"conversation_id": NOBODY}, {"partials": "maybe"}),
    ):
        with stream(recorder, "wrong start") as one:
            one.say(type="start", **options)
            one.read()
    with stream(recorder, "no speech") as one:
        one.start(title="Odd", speaker_update=True)
        for data in (bytes(4001), np.array([np.nan, np.inf, -np.inf, 9.0] * 4800, "<f4").tobytes(), b""):
            one.send(data)
        for _ in range(3):
            one.until("status")
        one.stop()
    with stream(recorder, "text among audio") as one:
        one.start(title="Text", speaker_update=True)
        one.send("no JSON")
        one.read()


def samples(file: bytes) -> NDArray[np.float32]:
    """16 kHz mono."""
    found, rate = soundfile.read(io.BytesIO(file), dtype="float32")
    assert rate == RATE
    audio: NDArray[np.float32] = found
    return audio
