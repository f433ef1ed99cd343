"""Does every recording that was accepted come to its end, whatever dies meanwhile?

python -m benchmarks.kill [--kills N] [--seed N] [--only KIND ...]

An application is started as a user starts it, with a second Ray node beside its own, and short recordings are sent to it all
the time. At random moments something of it is killed with SIGKILL: a replica of each kind, Serve's controller, the proxy, the
second node, PostgreSQL, or all of it at once, to be started again on the same data. In the end every accepted recording
must be `completed`, with the very lines that it has when nothing dies.
"""

import argparse
import random
import re
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
import soundfile

from benchmarks.harness.application import descendants, end_now, open_directory
from tests.support.ports import free_port
from vivavoce.printing import table
from vivavoce.sample import recording

PIECES = ((0.0, 8.0), (8.0, 20.0), (0.0, 30.0))
"""Seconds of the sample: the recordings that are sent."""
IN_WORK = 4
"""Recordings that are on their way at a time."""
PAUSES = (2.0, 12.0)
"""Seconds between two kills."""
PATIENCE = 600.0
"""Seconds in which everything must have come to its end after the last kill."""
PROCESSES = {
    "transcriber": "ray::ServeReplica:vivavoce:Transcriber",
    "diarizer": "ray::ServeReplica:vivavoce:Diarizer",
    "embedder": "ray::ServeReplica:vivavoce:SpeakerEmbedder",
    "emotion": "ray::ServeReplica:vivavoce:EmotionRecognizer",
    "ingress": "ray::ServeReplica:vivavoce:Ingress",
    "controller": "ray::ServeController",
    "proxy": "ray::ProxyActor",
}
QUIET: Any = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}
KILLED = ("killed", "times", "not there", "ready again after", "at most")
RECORDINGS = ("accepted", "completed", "failed", "wrong", "attempts 1, 2, 3", "refused requests")
KINDS = (*PROCESSES, "node", "postgres", "application")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", choices=KINDS, default=KINDS)
    chosen = parser.parse_args()
    chance = random.Random(chosen.seed)
    kinds = [chosen.only[i % len(chosen.only)] for i in range(chosen.kills)]
    chance.shuffle(kinds)
    with open_directory() as directory, Victim(directory / "data") as victim:
        tally = torment(victim, kinds, chance)
    print(f"\nKills\n{table(KILLED, tally.killed())}")
    print(f"\nRecordings\n{table(RECORDINGS, [tally.recordings()])}")
    for wrong in tally.wrong:
        print(wrong)
    sys.exit(bool(tally.wrong))


@dataclass
class Tally:
    """What was killed, and what became of the recordings."""

    ready_after: dict[str, list[float]] = field(default_factory=dict)
    absent: Counter[str] = field(default_factory=Counter)
    accepted: dict[int, int] = field(default_factory=dict)
    """Which piece a job is of."""
    ended: dict[int, dict[str, Any]] = field(default_factory=dict)
    attempts: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    refused: int = 0

    def killed(self) -> list[tuple[str, ...]]:
        rows: list[tuple[str, ...]] = []
        for kind, seconds in self.ready_after.items():
            median = f"{statistics.median(seconds):.0f} s"
            rows.append((kind, str(len(seconds)), str(self.absent[kind]), median, f"{max(seconds):.0f} s"))
        return rows

    def recordings(self) -> tuple[str, ...]:
        states = Counter(job["state"] for job in self.ended.values())
        attempts = ", ".join(str(self.attempts[n]) for n in (1, 2, 3))
        counts = (states["completed"], states["failed"], len(self.wrong))
        return (str(len(self.accepted)), *map(str, counts), attempts, str(self.refused))


def torment(victim: "Victim", kinds: list[str], chance: random.Random) -> Tally:
    """Send recordings while the victims are killed, one after the other, and wait for all to end."""
    tally = Tally()
    pieces = cut(victim.data.parent)
    expected = [lines(victim, victim.finish(victim.send(piece))) for piece in pieces]
    stop = threading.Event()
    feeder = threading.Thread(target=feed, args=(victim, pieces, tally, stop, random.Random(chance.random())))
    feeder.start()
    try:
        for kind in kinds:
            time.sleep(chance.uniform(*PAUSES))
            start = time.monotonic()
            if not victim.kill(kind, chance):
                tally.absent[kind] += 1
            victim.await_ready()
            tally.ready_after.setdefault(kind, []).append(time.monotonic() - start)
            print(f"{kind} killed; {len(tally.accepted)} recordings accepted", file=sys.stderr, flush=True)
    finally:
        stop.set()
        feeder.join()
    for job, piece in tally.accepted.items():
        ended = tally.ended[job] = victim.finish(job)
        tally.attempts[ended["attempts"]] += 1
        if ended["state"] != "completed":
            tally.wrong.append(f"Job {job} is {ended['state']}: {ended['error']}")
        elif (found := lines(victim, ended)) != expected[piece]:
            tally.wrong.append(f"Job {job} has other lines: {found} instead of {expected[piece]}")
    return tally


def feed(victim: "Victim", pieces: list[Path], tally: Tally, stop: threading.Event, chance: random.Random) -> None:
    """Keep some recordings in work."""
    open_jobs: list[int] = []
    while not stop.wait(0.2):
        try:
            open_jobs = [job for job in open_jobs if victim.job(job)["finished_at"] is None]
            if len(open_jobs) < IN_WORK:
                piece = chance.randrange(len(pieces))
                job = victim.send(pieces[piece])
                tally.accepted[job] = piece
                open_jobs.append(job)
        except httpx.HTTPError:
            tally.refused += 1


def cut(directory: Path) -> list[Path]:
    """The recordings that are sent."""
    samples, rate = soundfile.read(recording(), dtype="int16")
    paths = []
    for start, end in PIECES:
        path = directory / f"{start:.0f}-{end:.0f}.flac"
        soundfile.write(path, np.asarray(samples)[int(start * rate) : int(end * rate)], rate)
        paths.append(path)
    return paths


def lines(victim: "Victim", job: dict[str, Any]) -> list[tuple[float, float, str]]:
    conversation = victim.get(f"/conversations/{job['conversation_id']}")
    return [(round(line["start_offset"], 2), round(line["end_offset"], 2), line["text"]) for line in conversation["segments"]]


class Victim:
    """`vivavoce serve` with a second node in its Ray; a context that leaves nothing behind."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.log = data.with_suffix(".log")
        self.port = free_port()
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30)
        self.node: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Victim":
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(60)
        self._kill_all()
        self.client.close()

    def _start(self) -> None:
        program = Path(sys.executable).with_name("vivavoce")
        command: list[str | Path] = [program, "serve", "--port", str(self.port), "--data-dir", self.data]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, **QUIET | {"stderr": log})
        self.await_ready()
        self._add_node()

    def _add_node(self) -> None:
        """Another raylet, on which Serve may put what it starts again."""
        (gcs,) = [line for _, line in self._processes() if "gcs_server" in line]
        port = re.search(r"--gcs_server_port=(\d+)", gcs)
        assert port is not None
        ray: list[str | Path] = [Path(sys.executable).with_name("ray"), "start", f"--address=127.0.0.1:{port[1]}", "--block"]
        options = ["--num-cpus=2", "--node-ip-address=127.0.0.1", "--include-log-monitor=False"]
        self.node = subprocess.Popen([*ray, *options], **QUIET)

    def kill(self, kind: str, chance: random.Random) -> bool:
        """Tells whether there was one."""
        if kind == "application":
            self._kill_all()
            self._start()
            return True
        if kind == "node":
            assert self.node is not None
            end_now([self.node.pid, *descendants(self.node.pid)])
            self._add_node()
            return True
        if kind == "postgres":
            found = [pid for pid, line in self._processes() if f"-D {self.data}/" in line]
        else:
            found = [pid for pid, line in self._processes() if line.startswith(PROCESSES[kind])]
        end_now([chance.choice(found)] if found else [])
        return bool(found)

    def await_ready(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with suppress(httpx.HTTPError):
                if self.client.get("/health/ready").status_code == 200:
                    return
            if self.process.poll() is not None:
                said = self.log.read_text(errors="replace")[-500:]
                raise RuntimeError(f"The application ended with {self.process.returncode}: {said}")
            time.sleep(0.2)
        raise RuntimeError(f"The application was not ready after {PATIENCE:.0f} s.")

    def send(self, path: Path) -> int:
        """Upload without waiting; returns the job."""
        files = {"audio_file": (path.name, path.read_bytes())}
        answer = self.client.post("/api/v1/process", params={"wait": False}, files=files, data={"language": "en"})
        return int(answer.raise_for_status().json()["job_id"])

    def job(self, id_: int) -> dict[str, Any]:
        return self.get(f"/jobs/{id_}")

    def get(self, path: str) -> dict[str, Any]:
        found: dict[str, Any] = self.client.get(f"/api/v1{path}").raise_for_status().json()
        return found

    def finish(self, id_: int) -> dict[str, Any]:
        """The job once it has ended."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with suppress(httpx.HTTPError):
                if (job := self.job(id_))["finished_at"] is not None:
                    return job
            time.sleep(0.2)
        raise RuntimeError(f"Job {id_} has not ended after {PATIENCE:.0f} s: {self.job(id_)}")

    def _processes(self) -> list[tuple[int, str]]:
        """All that belongs to the application, with their titles or command lines."""
        ours = [*descendants(self.process.pid), *(descendants(self.node.pid) if self.node else [])]
        found = []
        for pid in ours:
            with suppress(psutil.Error):
                found.append((pid, " ".join(psutil.Process(pid).cmdline())))
        return found

    def _kill_all(self) -> None:
        pids = [pid for pid, _ in self._processes()]
        end_now([self.process.pid, *([self.node.pid] if self.node else []), *pids])
        self.process.wait()
        if self.node:
            self.node.wait()
            self.node = None


if __name__ == "__main__":
    main()
