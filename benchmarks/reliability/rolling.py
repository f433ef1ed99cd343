"""Check that a rolling change drops no request: `python -m benchmarks.reliability.rolling [--clients 4] [--readers 2]`.

A Ray is started as an operator starts it, and the graph deployed on it. While clients send recordings and wait for their
transcripts, and others read, `serve deploy` changes a setting, a model, and how far a stage may grow. Every request must be
answered as if nothing happened: 200, and with the same segments. The script prints the tally. The database is beside the graph,
as a team has it; an embedded one would be restarted with the graph.
"""

import itertools
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
import yaml

from benchmarks.harness.application import Background, open_directory
from benchmarks.harness.command import run
from deployments.config import load_config
from engines.weights.resolver import resolve
from settings import NAME, Settings
from storage.postgres.embedded import EmbeddedPostgres
from tests.reliability.kills import cut
from tests.support.ports import free_ports
from tests.support.processes import descendants, end_now
from vivavoce.printing import table

BEFORE = 15.0
"""Seconds of load before the first change and after each."""
PATIENCE = 900.0
"""Seconds that a change may take."""
BIN = Path(sys.executable).parent
TOKEN = secrets.token_hex(32)
"""The token that this Ray requires of its clients."""
AUTH = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": TOKEN}


@dataclass
class Tally:
    """The responses to clients during one phase."""

    recordings: int = 0
    reads: list[float] = field(default_factory=list)
    """Seconds that each took."""
    dropped: list[str] = field(default_factory=list)


class Load(Background):
    """Clients, each on a thread of its own."""

    def __init__(self, address: str, clients: int, readers: int, pieces: list[Path]) -> None:
        send = [partial(self._repeat, self._send, pieces[i % len(pieces) :]) for i in range(clients)]
        super().__init__(*send, *[partial(self._repeat, self._read, [])] * readers)
        self.address = f"{address}/api/v1"
        self.tally = Tally()
        self._lines: dict[Path, Any] = {}

    def phase(self) -> Tally:
        """The results since the last phase."""
        seen, self.tally = self.tally, Tally()
        return seen

    def _repeat(self, request: Callable[[httpx.Client, Any], None], pieces: list[Path]) -> None:
        with httpx.Client(base_url=self.address, timeout=PATIENCE) as client:
            for piece in itertools.cycle(pieces or [None]):
                try:
                    request(client, piece)
                except httpx.HTTPError as error:
                    self.tally.dropped.append(repr(error))
                if self.stop.wait(0.2):
                    return

    def _send(self, client: httpx.Client, piece: Path) -> None:
        files = {"audio_file": (piece.name, piece.read_bytes())}
        answer = client.post("/process", files=files, data={"language": "en"})
        if self._fine(answer, "POST /process"):
            self.tally.recordings += 1
            lines = [(round(line["start_offset"], 2), line["text"]) for line in answer.json()["segments"]]
            if lines != self._lines.setdefault(piece, lines):
                self.tally.dropped.append(f"{piece.name} has other lines: {lines} instead of {self._lines[piece]}")

    def _read(self, client: httpx.Client, _piece: None) -> None:
        start = time.monotonic()
        answer = client.get("/conversations", params={"limit": 5})
        if self._fine(answer, "GET /conversations"):
            self.tally.reads.append(time.monotonic() - start)

    def _fine(self, answer: httpx.Response, what: str) -> bool:
        if answer.status_code != 200:
            self.tally.dropped.append(f"{what}: {answer.status_code} {answer.text[:200]}")
        return answer.status_code == 200


class Serve:
    """A Ray with a dashboard, and the graph on it."""

    def __init__(self, directory: Path, dashboard: int, port: int) -> None:
        self.directory = directory
        self.dashboard = f"http://127.0.0.1:{dashboard}"
        self.address = f"http://127.0.0.1:{port}"
        self.config = load_config("cpu")
        self.config["http_options"]["port"] = port
        self.args: dict[str, Any] = self.config["applications"][0]["args"]
        self.args["settings"] = {"data_path": str(directory / "data")}

    def deploy(self) -> float:
        """`serve deploy`, until all replicas are new ones; returns the seconds that it took."""
        start = time.monotonic()
        before = self.replicas()
        file = self.directory / "config.yaml"
        file.write_text(yaml.safe_dump(self.config))
        self.command("deploy", file)
        while not self._new(before):
            if time.monotonic() - start > PATIENCE:
                raise RuntimeError(f"The change was not through after {PATIENCE:.0f} s: {self.replicas()}")
            time.sleep(0.5)
        return time.monotonic() - start

    def command(self, name: str, *arguments: str | Path) -> None:
        command = [BIN / "serve", name, "-a", self.dashboard, *arguments]
        subprocess.run(command, check=True, capture_output=True, env=os.environ | AUTH)

    def _new(self, before: dict[str, str]) -> bool:
        found = self.replicas()
        return bool(found) and not before.keys() & found.keys() and set(found.values()) == {"RUNNING"} and self._ready()

    def _ready(self) -> bool:
        with suppress(httpx.HTTPError):
            return httpx.get(f"{self.address}/health/ready", timeout=30).status_code == 200
        return False

    def replicas(self) -> dict[str, str]:
        """The state of each, by its id."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        answer = httpx.get(f"{self.dashboard}/api/serve/applications/", timeout=60, headers=headers)
        found = answer.raise_for_status().json()
        deployments = found["applications"].get(NAME, {}).get("deployments", {}).values()
        return {replica["replica_id"]: replica["state"] for one in deployments for replica in one["replicas"]}


@contextmanager
def ray_head(directory: Path, database: str) -> Iterator[Serve]:
    """`ray start --head` with ports of its own, for a graph on this database; nothing of it is left at the end."""
    names = ("port", "dashboard-port", "dashboard-agent-listen-port", "ray-client-server-port")
    *found, http = free_ports(len(names) + 1)
    ports = dict(zip(names, found, strict=True))
    options = [f"--{name}={port}" for name, port in ports.items()] + ["--min-worker-port=0", "--max-worker-port=0"]
    options += ["--node-ip-address=127.0.0.1", f"--temp-dir={directory / 'ray'}", "--head", "--block"]
    with (directory / "ray.log").open("wb") as log:
        env = os.environ | AUTH | {"DATABASE_URL": database}
        ray = subprocess.Popen([BIN / "ray", "start", *options], stdout=log, stderr=log, start_new_session=True, env=env)
    serve = Serve(directory, ports["dashboard-port"], http)
    try:
        deadline = time.monotonic() + 120
        while True:
            with suppress(httpx.HTTPError):
                serve.replicas()
                break
            if ray.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Ray did not start: {(directory / 'ray.log').read_text()[-1000:]}")
            time.sleep(0.5)
        yield serve
        serve.command("shutdown", "-y")
    finally:
        children = descendants(ray.pid)
        ray.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            ray.wait(30)
        end_now([ray.pid, *children])
        ray.wait()


def main(
    clients: Annotated[int, typer.Option(help="Clients that send recordings and wait.")] = 4,
    readers: Annotated[int, typer.Option(help="Clients that read.")] = 2,
) -> None:
    rows: list[tuple[str, ...]] = []
    dropped: list[str] = []

    def note(what: str, took: float, seen: Tally) -> None:
        slowest = f"{max(seen.reads, default=0.0):.1f} s"
        rows.append((what, f"{took:.0f} s", str(seen.recordings), str(len(seen.reads)), slowest, str(len(seen.dropped))))
        dropped.extend(f"{what}: {line}" for line in seen.dropped)
        print(rows[-1], file=sys.stderr, flush=True)

    with ExitStack() as stack:
        directory = stack.enter_context(open_directory())
        model = directory / "another-model"
        shutil.copytree(resolve("whisper", Settings(), gpu=False).path, model)
        database = stack.enter_context(EmbeddedPostgres(directory / "postgres"))
        serve = stack.enter_context(ray_head(directory, database))
        serve.deploy()
        load = Load(serve.address, clients, readers, cut(directory)[:2])
        changes: dict[str, Callable[[], object]] = {
            "a setting": lambda: serve.args["settings"].update(context_padding=0.2),
            "a model": lambda: serve.args["settings"].update(whisper_model=str(model)),
            "a stage's bounds": lambda: serve.args["emotion"].update(max_replicas=2),
        }
        with load:
            time.sleep(BEFORE)
            note("before", BEFORE, load.phase())
            for what, change in changes.items():
                change()
                took = serve.deploy()
                time.sleep(BEFORE)
                note(what, took, load.phase())
        note("the last answers", 0.0, load.phase())
    print(table(("change", "took", "recordings", "reads", "slowest read", "dropped"), rows))
    for line in dropped:
        print(line)
    sys.exit(bool(dropped))


if __name__ == "__main__":
    run(main)
