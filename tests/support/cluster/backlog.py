"""A backlog of recordings: sent without waiting, watched, and checked when it has ended."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import soundfile

from pipeline.types import SAMPLE_RATE
from tests.support.cluster import sleeping
from tests.support.cluster.deployed import Deployed

CLIENTS = 4
"""Clients that send recordings at the same time."""
ENDED = ("completed", "failed", "cancelled")

# Of each job: its recording's length, how it ended, and all that is stored of it.
STORED = """
SELECT j.id, j.conversation_id, j.state, j.attempts, j.duration, j.error,
    extract(epoch FROM j.created_at)::float AS created, extract(epoch FROM j.finished_at)::float AS finished,
    (SELECT string_agg(s.text, ' ' ORDER BY s.start_offset, s.id) FROM segments s WHERE s.conversation_id = j.conversation_id)
    AS text
FROM jobs j ORDER BY j.id
"""


@dataclass(frozen=True)
class Job:
    """A job when all have ended."""

    id: int
    conversation_id: int
    state: str
    attempts: int
    duration: float
    error: str | None
    created: float
    finished: float | None
    text: str | None
    """Of all segments of its conversation."""

    @property
    def faults(self) -> Iterator[str]:
        """What is wrong with it: it must be completed, with each word of its recording once."""
        if self.state != "completed":
            yield f"Job {self.id} is {self.state}: {self.error}"
            return
        found = Counter((self.text or "").replace(".", "").split())
        expected = Counter(sleeping.words(self.duration))
        if missing := expected - found:
            yield f"Job {self.id} lacks {missing.total()} of {expected.total()} words"
        if repeated := found - expected:
            yield f"Job {self.id} has {repeated.total()} words more than once"


def write(directory: Path, durations: Iterable[float]) -> list[Path]:
    """A recording of each length."""
    paths = []
    for number, duration in enumerate(durations):
        paths.append(directory / f"{number}.flac")
        soundfile.write(paths[-1], sleeping.samples(number, duration), SAMPLE_RATE)
    return paths


def send(cluster: Deployed, paths: Sequence[Path]) -> list[int]:
    """Send the recordings without waiting for transcripts, by several clients; the ids of their jobs."""
    with cluster.client() as client, ThreadPoolExecutor(CLIENTS) as clients:
        return list(clients.map(lambda path: _send(client, path), paths))


def _send(client: httpx.Client, path: Path) -> int:
    files = {"audio_file": (path.name, path.read_bytes())}
    answer = client.post("/process", params={"wait": False}, files=files, data={"language": "en"})
    return int(answer.raise_for_status().json()["job_id"])


def watch(
    cluster: Deployed,
    total: int,
    timeout_s: float,
    seen: Callable[[int], None] = lambda _ended: None,
    interval_s: float = 1.0,
) -> None:
    """Call `seen` with the number of jobs that have ended, again and again until all `total` have.

    It fails when none ends for `timeout_s`.
    """
    deadline = time.monotonic() + timeout_s
    ended = 0
    with cluster.client() as client:
        while ended < total:
            assert time.monotonic() < deadline, f"{ended} of {total} jobs ended, and no other one for {timeout_s:.0f} s."
            time.sleep(interval_s)
            before = ended
            with suppress(httpx.HTTPError):  # clients may be refused for a moment while a node dies
                ended = sum(_count(client, state) for state in ENDED)
            if ended > before:
                deadline = time.monotonic() + timeout_s
            seen(ended)


def await_running(cluster: Deployed, timeout_s: float) -> None:
    """Wait until a job is being processed."""
    deadline = time.monotonic() + timeout_s
    with cluster.client() as client:
        while not _count(client, "running"):
            assert time.monotonic() < deadline, f"No job was running within {timeout_s:.0f} s."
            time.sleep(0.1)


def _count(client: httpx.Client, state: str) -> int:
    return int(client.get("/jobs", params={"state": state, "limit": 1}).raise_for_status().json()["total"])


def stored(cluster: Deployed) -> list[Job]:
    """All jobs, with what is stored of them, as the database has it."""

    async def read() -> list[Any]:
        connection = await asyncpg.connect(cluster.database.replace("+asyncpg", ""))
        try:
            return list(await connection.fetch(STORED))
        finally:
            await connection.close()

    return [Job(**row) for row in asyncio.run(read())]


def faults(jobs: Sequence[Job], sent: Sequence[int]) -> list[str]:
    """What is wrong: each job that was accepted must be completed, and its conversation must have each word once."""
    found = [fault for job in jobs for fault in job.faults]
    if lost := set(sent) - {job.id for job in jobs}:
        found.append(f"{len(lost)} accepted jobs are not in the database")
    if len({job.conversation_id for job in jobs}) != len(jobs):
        found.append("Several jobs belong to one conversation")
    return found
