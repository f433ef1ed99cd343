"""The API on a real socket, and a client of its live streams, written from the contract."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Self

import httpx
import numpy as np
from fastapi import FastAPI
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from api.app import create_app
from pipeline.stages import Stages
from services.live import server_messages
from settings import Settings
from tests.support.application import connected
from tests.support.ports import free_port
from tests.support.program import ROOT
from tests.support.serving import server_of

CLIENT_RATE = 48_000
PATIENCE_S = 600.0
"""So that a slow machine fails no test."""


@contextmanager
def serving(url: str, directory: Path, stages: Stages[Any], model: str | None, **settings: Any) -> Iterator[str]:
    """The address, `host:port/api/v1`, of a server with its stages in this process. Without a model they do not answer.

    With `jobs=True` it works on uploads, too.
    """
    jobs = settings.pop("jobs", False)
    chosen = Settings(data_path=directory, database_url=url, **settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with connected(chosen, url, directory / "audio", stages, model) as context:
            app.state.context = context
            if jobs:
                async with context.working():
                    yield
            else:
                context.live.recover()
                yield

    port = free_port()
    server = server_of(create_app(chosen, lifespan), port, ws="websockets-sansio")
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "The server did not start."
            time.sleep(0.05)
        yield f"127.0.0.1:{port}/api/v1"
    finally:
        server.should_exit = True
        thread.join(600)
        assert not thread.is_alive()


class Client:
    """One live stream, as the contract describes it. The messages of the server are collected in `messages`.

    Each is checked against the models of the protocol: no field is missing or unknown.
    """

    def __init__(self, address: str, **connection: Any) -> None:
        self._address, self._stack = address, ExitStack()
        self.connect(**connection)
        self.messages: list[dict[str, Any]] = []

    def connect(self, **options: Any) -> None:
        """Connect again if the connection was lost."""
        options = {"open_timeout": PATIENCE_S, "ping_timeout": PATIENCE_S, **options}
        connection = connect(f"ws://{self._address}/streaming/ws", proxy=None, **options)
        self.socket: ClientConnection = self._stack.enter_context(connection)

    def start(self, **options: Any) -> int:
        """Begin; returns the conversation's id."""
        self.socket.send(json.dumps({"type": "start", **options}))
        self.until("started")
        conversation: int = self.messages[-1]["data"]["conversation_id"]
        return conversation

    @property
    def token(self) -> str:
        """The resume token of the conversation."""
        token: str = self.of("started")[-1]["resume_token"]
        return token

    def send(self, samples: np.ndarray, piece: int) -> None:
        """48 kHz samples as float32, in frames of `piece` samples; waits for the status of each."""
        for at in range(0, len(samples), piece):
            self.socket.send(samples[at : at + piece].astype("<f4").tobytes())
            self.until("status")

    def stop(self) -> dict[str, Any]:
        """Returns the data of `completed`."""
        self.socket.send(json.dumps({"type": "stop"}))
        return self.until("completed")

    def until(self, type_: str, timeout: float = PATIENCE_S) -> dict[str, Any]:
        """The data of the next message of this type."""
        while True:
            message = self._receive(timeout)
            if message["type"] == type_:
                data: dict[str, Any] = message["data"]
                return data
            assert type_ == "error" or message["type"] != "error", message

    def closed(self, timeout: float = PATIENCE_S) -> int:
        """Read until the server closes the connection; returns its code."""
        try:
            while True:
                self._receive(timeout)
        except ConnectionClosed as error:
            return error.rcvd.code if error.rcvd is not None else 0

    def of(self, type_: str) -> list[dict[str, Any]]:
        """The data of all messages of this type so far."""
        return [message["data"] for message in self.messages if message["type"] == type_]

    def _receive(self, timeout: float) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self.socket.recv(timeout))
        parsed = server_messages.parse(json.dumps(message))
        assert parsed is not None, message
        assert parsed.model_dump(mode="json", exclude={"timestamp"}) == {k: v for k, v in message.items() if k != "timestamp"}
        self.messages.append(message)
        return message

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()


def refused(server: str, *messages: str | bytes) -> tuple[str, int]:
    """The text of the `error` that these messages cause, and the close code of the connection."""
    with Client(server) as client:
        for message in messages:
            client.socket.send(message)
        text = client.until("error")["message"]
        return text, client.closed()


SERVER = """
import json, sys
from pathlib import Path
from tests.api.live import serving
from tests.support.application import no_stages
with serving(sys.argv[1], Path(sys.argv[2]), no_stages(), "wespeaker-resnet34", **json.loads(sys.argv[3])) as address:
    print(address, flush=True)
    sys.stdin.read()
"""


@contextmanager
def server_process(url: str, directory: Path, **settings: Any) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server without stages in a process of its own, and its address. It ends with the block, which may kill it before."""
    command = [sys.executable, "-c", SERVER, url, str(directory), json.dumps(settings)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().strip()
            process.communicate(timeout=600)
        finally:
            process.kill()


def conversation(address: str, id_: int) -> dict[str, Any]:
    """The answer of `GET /conversations/{id}`."""
    answer = httpx.get(f"http://{address}/conversations/{id_}", timeout=120, trust_env=False)
    found: dict[str, Any] = answer.raise_for_status().json()
    return found


def until_status(address: str, id_: int, status: str) -> dict[str, Any]:
    """The conversation, once its status is this."""
    deadline = time.monotonic() + PATIENCE_S
    while (found := conversation(address, id_))["status"] != status:
        assert time.monotonic() < deadline, found["status"]
        time.sleep(0.1)
    return found


def until_empty(directory: Path) -> None:
    """Wait until no file is left: those of recordings are deleted after the end of their conversations is stored."""
    deadline = time.monotonic() + PATIENCE_S
    while found := list(directory.iterdir()):
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
