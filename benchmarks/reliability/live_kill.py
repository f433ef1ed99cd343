"""Check that a live conversation continues after its replica is killed.

python -m benchmarks.reliability.live_kill [FILE] [--kills N] [--seed N]

A file, or the sample, is streamed in real time, again and again, while the ingress replica is killed with SIGKILL at random
moments. The client comes back, and goes on from where the server says that it stands. Then once more without a kill, to compare
with, and once with a client that does not come back: its conversation must be finished with all that it had sent.
"""

import json
import random
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Annotated, Any

import httpx
import numpy as np
import psutil
import typer
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage
from websockets.sync.client import ClientConnection, connect

from benchmarks.harness.application import Application, running
from benchmarks.harness.command import Seed, run
from media.decoding import decode
from pipeline.evaluation.error_rates import word_error_rate
from pipeline.types import SAMPLE_RATE, Samples
from tests.reliability.kills import PROCESSES
from tests.support.processes import descendants, end_now
from vivavoce.printing import table
from vivavoce.sample import recording

PIECE = SAMPLE_RATE // 10
PATIENCE = 180.0
"""Seconds in which a killed replica must have been replaced."""
HEADER = ("killed at", "sent, not on disk", "back after", "seconds kept", "lines", "WER against no kill")
LOST = (ConnectionClosed, InvalidHandshake, InvalidMessage, OSError)


def main(
    file: Annotated[Path | None, typer.Argument(help="A recording; pyannote's sample if not given.")] = None,
    kills: int = 3,
    seed: Seed = 0,
) -> None:
    chance = random.Random(seed)
    samples = decode(file or recording(), max_duration=3600)
    length = len(samples) / SAMPLE_RATE
    with running() as application:
        whole = Talk(application, samples)
        whole.hold(None)
        rows = []
        for _ in range(kills):
            talk = Talk(application, samples)
            talk.hold(chance.uniform(0.1, 0.9) * length)
            rows.append(talk.row(text(application, whole.conversation)))
        gone = Talk(application, samples)
        at = chance.uniform(0.3, 0.9) * length
        gone.hold(at, comes_back=False)
        left = finished(application, gone.conversation)
    print(table(HEADER, rows))
    print(f"Nobody came back: {left['status']}, {left['duration']:.2f} s kept of {gone.sent / SAMPLE_RATE:.2f} s sent")


class Talk:
    """One conversation of a client that reconnects when its connection is lost."""

    def __init__(self, application: Application, samples: Samples) -> None:
        self.application = application
        self.samples = samples
        self.conversation = 0
        self.token = ""
        self.sent = 0
        self.killed_at = self.behind = self.back_after = 0.0

    def hold(self, kill_at: float | None, comes_back: bool = True) -> None:
        """Stream all of it; once `kill_at` seconds are sent the replica is killed."""
        start: dict[str, Any] = {"type": "start", "sample_rate": SAMPLE_RATE, "encoding": "int16", "language": "en"}
        with connect(self.application.streams, proxy=None) as socket:
            started = self._start(socket, start | {"resumable": True})
            self.conversation, self.token = started["conversation_id"], started["resume_token"]
            with suppress(*LOST):
                self._speak(socket, kill_at)
                return
        lost = time.monotonic()
        while comes_back:
            if time.monotonic() - lost > PATIENCE:
                raise RuntimeError(f"Conversation {self.conversation} could not be taken up again.")
            try:
                with connect(self.application.streams, proxy=None) as socket:
                    resume = {"resumable": True, "conversation_id": self.conversation, "resume_token": self.token}
                    started = self._start(socket, start | resume)
                    on_disk = round(started["total_audio_seconds"] * SAMPLE_RATE)
                    self.back_after = time.monotonic() - lost
                    self.behind = (self.sent - on_disk) / SAMPLE_RATE
                    self.sent = on_disk
                    self._speak(socket, None)
                    return
            except LOST:
                time.sleep(0.5)

    def row(self, expected: str) -> Sequence[str]:
        found = finished(self.application, self.conversation)
        said = text(self.application, self.conversation)
        return (
            *(f"{self.killed_at:.1f} s", f"{self.behind:.2f} s", f"{self.back_after:.1f} s", f"{found['duration']:.2f}"),
            *(str(len(found["segments"])), f"{word_error_rate(expected, said):.1%}"),
        )

    def _start(self, socket: ClientConnection, start: dict[str, Any]) -> dict[str, Any]:
        socket.send(json.dumps(start))
        answer = json.loads(socket.recv(PATIENCE))
        if answer["type"] != "started":
            raise ConnectionError(answer["data"]["message"])
        data: dict[str, Any] = answer["data"]
        return data

    def _speak(self, socket: ClientConnection, kill_at: float | None) -> None:
        listener = Thread(target=_listen, args=(socket,))
        listener.start()
        began = time.monotonic() - self.sent / SAMPLE_RATE
        while self.sent < len(self.samples):
            piece = self.samples[self.sent : self.sent + PIECE]
            time.sleep(max(0.0, began + (self.sent + len(piece)) / SAMPLE_RATE - time.monotonic()))
            socket.send(np.rint(piece * 32768).clip(-32768, 32767).astype("<i2").tobytes())
            self.sent += len(piece)
            if kill_at is not None and not self.killed_at and self.sent >= kill_at * SAMPLE_RATE:
                self.killed_at = self.sent / SAMPLE_RATE
                kill_ingress(self.application)
        socket.send(json.dumps({"type": "stop"}))
        listener.join()


def _listen(socket: ClientConnection) -> None:
    with suppress(ConnectionClosed):
        for message in socket:
            if json.loads(message)["type"] == "completed":
                return


def kill_ingress(application: Application) -> None:
    for pid in descendants(application.process.pid):
        with suppress(psutil.Error):
            if " ".join(psutil.Process(pid).cmdline()).startswith(PROCESSES["ingress"]):
                end_now([pid])


def finished(application: Application, conversation: int) -> dict[str, Any]:
    """The conversation once it is complete."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with suppress(httpx.HTTPError):
            answer = application.client.get(f"/conversations/{conversation}").raise_for_status()
            found: dict[str, Any] = answer.json()
            if found["status"] != "recording":
                return found
        time.sleep(0.5)
    raise RuntimeError(f"Conversation {conversation} was not finished after {PATIENCE:.0f} s.")


def text(application: Application, conversation: int) -> str:
    return " ".join(segment["text"] for segment in finished(application, conversation)["segments"])


if __name__ == "__main__":
    run(main)
