"""Kill parts of a running application under load. Every accepted recording must complete as it does without a kill.

`test_kill` runs a short version, `benchmarks.reliability.kill` a long one.
"""

import os
import random
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx
import numpy as np
import psutil
import soundfile

from tests.support.cluster.raylets import RAY_ON_LOOPBACK
from tests.support.processes import descendants, end_now, gcs_address, ray_access
from tests.support.program import ServedApplication
from vivavoce.sample import recording

EXCERPTS_S = ((0.0, 8.0), (8.0, 20.0), (0.0, 30.0))
"""Start and end, in seconds of the sample, of each recording that is sent."""
MAX_IN_WORK = 4
"""Recordings that are processed at a time."""
PAUSE_S = (2.0, 12.0)
"""Shortest and longest time between two kills."""
READINESS_AGE_S = 2.0
"""How old an answer of `/health/ready` may be: one that is younger than this after a kill may be of the time before."""
TIMEOUT_S = 600.0
"""Time in which the application must be ready again, and in which a job must end."""
PROCESSES = {
    "transcriber": "ray::ServeReplica:vivavoce:Transcriber",
    "diarizer": "ray::ServeReplica:vivavoce:Diarizer",
    "embedder": "ray::ServeReplica:vivavoce:SpeakerEmbedder",
    "emotion": "ray::ServeReplica:vivavoce:EmotionRecognizer",
    "ingress": "ray::ServeReplica:vivavoce:Ingress",
    "controller": "ray::ServeController",
    "proxy": "ray::ProxyActor",
}
KINDS = (*PROCESSES, "node", "postgres", "application")
AUTOSCALED = ("transcriber", "diarizer", "embedder", "emotion", "ingress")
"""Kinds of which there may be fewer after a kill, without load: at least one."""
NODE_PROCESS = "/raylet/raylet "
"""Part of the command line of the process that every node has one of."""
NO_OUTPUT: Any = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}

Segments = list[tuple[float, float, str]]
"""Start, end and text of each segment of a conversation."""


@dataclass
class Tally:
    """What was killed, and how each recording ended."""

    ready_after: dict[str, list[float]] = field(default_factory=dict)
    """Seconds from each kill of a kind until a new process replaced each that ended and the application was ready."""
    absent: Counter[str] = field(default_factory=Counter)
    """How often no process of a kind was found."""
    accepted: dict[int, int] = field(default_factory=dict)
    """For each job, the index of its excerpt."""
    ended: dict[int, dict[str, Any]] = field(default_factory=dict)
    attempts: Counter[int] = field(default_factory=Counter)
    """How many jobs needed so many attempts."""
    wrong: list[str] = field(default_factory=list)
    refused: int = 0

    def killed(self) -> list[tuple[str, ...]]:
        """A row for each kind: times killed, times absent, median and longest time until ready."""
        rows: list[tuple[str, ...]] = []
        for kind, seconds in self.ready_after.items():
            median = f"{statistics.median(seconds):.0f} s"
            rows.append((kind, str(len(seconds)), str(self.absent[kind]), median, f"{max(seconds):.0f} s"))
        return rows

    def recordings(self) -> tuple[str, ...]:
        """Accepted, completed, failed, wrong, attempts 1/2/3, refused requests."""
        states = Counter(job["state"] for job in self.ended.values())
        attempts = ", ".join(str(self.attempts[n]) for n in (1, 2, 3))
        counts = (states["completed"], states["failed"], len(self.wrong))
        return (str(len(self.accepted)), *map(str, counts), attempts, str(self.refused))


def kill_under_load(
    application: "TwoNodeApplication",
    kinds: Sequence[str],
    chance: random.Random,
    excerpts_s: Sequence[tuple[float, float]] = EXCERPTS_S,
    pause_s: tuple[float, float] = PAUSE_S,
) -> Tally:
    """Send recordings while a process of each kind is killed, one after the other, and wait until all recordings have ended."""
    tally = Tally()
    paths = cut(application.served.directory, excerpts_s)
    expected = [segments(application, application.finish(application.send(path))) for path in paths]
    stop = threading.Event()
    feeder = threading.Thread(target=_feed, args=(application, paths, tally, stop, random.Random(chance.random())))
    feeder.start()
    try:
        for kind in kinds:
            time.sleep(chance.uniform(*pause_s))
            start = time.monotonic()
            if not application.kill(kind, chance):
                tally.absent[kind] += 1
            tally.ready_after.setdefault(kind, []).append(time.monotonic() - start)
            print(f"{kind} killed; {len(tally.accepted)} recordings accepted", file=sys.stderr, flush=True)
    finally:
        stop.set()
        feeder.join()
    for job, excerpt in tally.accepted.items():
        ended = tally.ended[job] = application.finish(job)
        tally.attempts[ended["attempts"]] += 1
        if ended["state"] != "completed":
            tally.wrong.append(f"Job {job} is {ended['state']}: {ended['error']}")
        elif (found := segments(application, ended)) != expected[excerpt]:
            tally.wrong.append(f"Job {job} has other segments: {found} instead of {expected[excerpt]}")
    return tally


def _feed(
    application: "TwoNodeApplication", paths: list[Path], tally: Tally, stop: threading.Event, chance: random.Random
) -> None:
    """Keep `MAX_IN_WORK` recordings in work."""
    open_jobs: list[int] = []
    while not stop.wait(0.2):
        try:
            open_jobs = [job for job in open_jobs if application.job(job)["finished_at"] is None]
            if len(open_jobs) < MAX_IN_WORK:
                excerpt = chance.randrange(len(paths))
                job = application.send(paths[excerpt])
                tally.accepted[job] = excerpt
                open_jobs.append(job)
        except httpx.HTTPError:
            tally.refused += 1


def cut(directory: Path, excerpts_s: Sequence[tuple[float, float]] = EXCERPTS_S) -> list[Path]:
    """Write the excerpts of the sample as FLAC files."""
    samples, rate = soundfile.read(recording(), dtype="int16")
    paths = []
    for start, end in excerpts_s:
        path = directory / f"{start:.0f}-{end:.0f}.flac"
        soundfile.write(path, np.asarray(samples)[int(start * rate) : int(end * rate)], rate)
        paths.append(path)
    return paths


def segments(application: "TwoNodeApplication", job: dict[str, Any]) -> Segments:
    """The segments of a job's conversation, times rounded to 10 ms."""
    conversation = application.get(f"/conversations/{job['conversation_id']}")
    return [
        (round(found["start_offset"], 2), round(found["end_offset"], 2), found["text"]) for found in conversation["segments"]
    ]


class TwoNodeApplication:
    """A running `vivavoce serve`, with a second node in its Ray cluster until the block ends."""

    def __init__(self, served: ServedApplication) -> None:
        self.served = served
        self.client = httpx.Client(base_url=served.address, timeout=120)
        self.node: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.await_ready()
        self._add_node()
        return self

    def __exit__(self, *_: object) -> None:
        self._kill_node()
        self.client.close()

    def _add_node(self) -> None:
        """Start another raylet, on which Serve may place the replicas that it restarts."""
        address = gcs_address(self.served.process.pid)
        ray: list[str | Path] = [sys.executable, "-c", RAY_ON_LOOPBACK, "start", f"--address={address}", "--block"]
        options = ["--num-cpus=2", "--node-ip-address=127.0.0.1", "--include-log-monitor=False"]
        # Ray's default is 15: beside other work its processes get hardly any CPU time.
        environment = os.environ | ray_access(self.served.process.pid) | {"RAY_worker_niceness": "0"}
        self.node = subprocess.Popen([*ray, *options], **NO_OUTPUT, env=environment)

    def _kill_node(self) -> None:
        if self.node is not None:
            end_now([self.node.pid, *descendants(self.node.pid)])
            self.node.wait()
            self.node = None

    def kill(self, kind: str, chance: random.Random) -> bool:
        """Kill a process of this kind, and wait until the application is ready again; returns whether there was one."""
        before, start = self._running(), time.monotonic()
        if kind == "application":
            killed = [self.served.process.pid, *(pid for pid, *_ in self._processes())]
            end_now(killed)
            self.served.process.wait()
            self._kill_node()
            self.served.start()
            self.await_ready()
            self._add_node()
        elif kind == "node":
            killed = descendants(self.node.pid) if self.node else []
            self._kill_node()
            self._add_node()
        else:
            found = sorted(before[kind])
            killed = [chance.choice(found)] if found else []
            end_now(killed)
        self._await_replacements(before, set(killed))
        time.sleep(max(0.0, start + READINESS_AGE_S - time.monotonic()))
        self.await_ready()
        return bool(killed)

    def _await_replacements(self, before: dict[str, set[int]], killed: set[int]) -> None:
        """Wait until as many processes of each kind run as are needed, without those that were killed."""
        needed = {kind: min(len(pids), 1) if kind in AUTOSCALED else len(pids) for kind, pids in before.items()}
        deadline = time.monotonic() + TIMEOUT_S
        while any(len(pids - killed) < needed[kind] for kind, pids in self._running().items()):
            if time.monotonic() > deadline:
                raise RuntimeError(f"There were {before}; {TIMEOUT_S:.0f} s after {killed} ended there are {self._running()}.")
            time.sleep(0.1)

    def _running(self) -> dict[str, set[int]]:
        """The processes of each kind."""
        marks = PROCESSES | {"postgres": f"-D {self.served.data}/", "node": NODE_PROCESS}
        processes = self._processes()
        return {kind: _of_kind(processes, mark) for kind, mark in marks.items()}

    def await_ready(self) -> None:
        self.served.wait_until_ready(self.served.address, TIMEOUT_S)

    def send(self, path: Path) -> int:
        """Upload without waiting; returns the job's id."""
        files = {"audio_file": (path.name, path.read_bytes())}
        answer = self.client.post("/api/v1/process", params={"wait": False}, files=files, data={"language": "en"})
        return int(answer.raise_for_status().json()["job_id"])

    def job(self, id_: int) -> dict[str, Any]:
        return self.get(f"/jobs/{id_}")

    def get(self, path: str) -> dict[str, Any]:
        found: dict[str, Any] = self.client.get(f"/api/v1{path}").raise_for_status().json()
        return found

    def finish(self, id_: int) -> dict[str, Any]:
        """Wait until the job has ended."""
        deadline = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline:
            with suppress(httpx.HTTPError):
                if (job := self.job(id_))["finished_at"] is not None:
                    return job
            time.sleep(0.2)
        raise RuntimeError(f"Job {id_} has not ended after {TIMEOUT_S:.0f} s: {self.job(id_)}")

    def _processes(self) -> list[tuple[int, int, str]]:
        """Pid, parent's pid, and title or command line of every process that the application has started, on both nodes."""
        found = []
        for pid in [*descendants(self.served.process.pid), *(descendants(self.node.pid) if self.node else [])]:
            with suppress(psutil.Error):
                process = psutil.Process(pid)
                found.append((pid, process.ppid(), " ".join(process.cmdline())))
        return found


def _of_kind(processes: list[tuple[int, int, str]], mark: str) -> set[int]:
    """The processes with the mark; a child that has its parent's command line until it runs another program is not one more."""
    parents = {pid: parent for pid, parent, line in processes if mark in line}
    return {pid for pid, parent in parents.items() if parent not in parents}
