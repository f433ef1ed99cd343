"""Process many recordings at once: lost recordings, waiting times, memory, and the latency of other clients.

python -m benchmarks.performance.load [--data DIRECTORY] [--short 200] [--long 5] [--late 20]

Long and short recordings are sent to `POST /process` at the same moment, each by a client that waits for its transcript, as the
contract says. While a long one is being processed, further short ones follow, one after the other, to see whether they overtake
it. All the while another client reads conversations and jobs, and searches. An application with an empty archive is started for
the benchmark.
"""

import asyncio
import itertools
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import httpx
import numpy as np
import soundfile
import typer

from benchmarks.harness.application import Application, Background, running
from benchmarks.harness.command import DATA, Data, run
from media.decoding import decode
from pipeline.types import SAMPLE_RATE
from vivavoce.printing import table

READ_EVERY = 0.25
"""Seconds between two answers to the reader and its next request."""
LOOK_EVERY = 3.0
"""Seconds between two looks at the memory; each costs time."""
READ = ("/conversations", "/jobs", "/jobs?state=running", "/conversations/1", "/search?q=time", "/speakers", "/status")


@dataclass
class Sent:
    """A recording that was sent."""

    kind: str
    path: Path
    began: float = 0.0
    took: float = 0.0
    """Seconds until its transcript was complete."""
    conversation: dict[str, Any] = field(default_factory=dict)
    refused: int = 0
    """How often the server answered that the client must retry later."""
    error: str = ""


def main(
    data: Data = DATA,
    short: Annotated[int, typer.Option(help="Short recordings.")] = 200,
    long: Annotated[int, typer.Option(help="Long recordings.")] = 5,
    late: Annotated[int, typer.Option(help="Short recordings that arrive while a long one is in work.")] = 20,
    seconds: Annotated[float, typer.Option(help="Length of a short recording.")] = 6.0,
    minutes: Annotated[float, typer.Option(help="Length of a long recording.")] = 4.0,
) -> None:
    with tempfile.TemporaryDirectory() as scratch, running() as application:
        interview = decode(data / "long" / "baxley.mp3", max_duration=6 * 3600)
        counts = {"long": long, "short": short, "late": late}
        lengths = {"long": 60 * minutes, "short": seconds, "late": seconds}
        sent = cut(interview, counts, lengths, Path(scratch))
        del interview
        idle = application.memory()
        with Onlooker(application) as onlooker:
            start = time.monotonic()
            asyncio.run(send(application, sent))
            took = time.monotonic() - start
        faults = check(application, sent)
    print(f"\n{report(sent, start)}\n")
    print(f"{reading(onlooker)}\n")
    print(
        f"{len(sent)} recordings in {took / 60:.1f} minutes; refused for the moment: {sum(one.refused for one in sent)} times"
    )
    print(f"GET: other answers than 200: {dict(onlooker.others) or 'none'}")
    print(f"memory of all processes: idle {idle / 2**20:.0f} MB, peak {onlooker.peak / 2**20:.0f} MB")
    print(f"lost or wrong: {len(faults)}")
    for fault in faults:
        print(fault)
    sys.exit(bool(faults))


def cut(samples: np.ndarray, counts: dict[str, int], lengths: dict[str, float], scratch: Path) -> list[Sent]:
    """Stretches of one recording, each from another place."""
    sent = []
    for kind, count in counts.items():
        length = round(lengths[kind] * SAMPLE_RATE)
        for i, start in enumerate(np.linspace(0, len(samples) - length, count).round().astype(int)):
            path = scratch / f"{kind}-{i}.flac"
            soundfile.write(path, samples[start : start + length], SAMPLE_RATE)
            sent.append(Sent(kind, path))
    return sent


async def send(application: Application, sent: Sequence[Sent]) -> None:
    """All at once, but for the late ones."""
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=application.client.base_url, timeout=None, limits=limits) as client:
        clients = [asyncio.create_task(post(client, one)) for one in sent if one.kind != "late"]
        late = [one for one in sent if one.kind == "late"]
        if late:
            await long_one_in_work(client, max(soundfile.info(one.path).duration for one in sent))
        for one in late:
            await post(client, one)
        await asyncio.gather(*clients)


async def long_one_in_work(client: httpx.AsyncClient, length: float) -> None:
    while True:
        found = (await client.get("/jobs", params={"state": "running"})).raise_for_status().json()
        if any(job["duration"] > length - 1 for job in found["jobs"]):
            return
        await asyncio.sleep(1)


async def post(client: httpx.AsyncClient, one: Sent) -> None:
    """Run one client: send, wait, and retry when the server requires it."""
    one.began = time.monotonic()
    while True:
        files = {"audio_file": (one.path.name, one.path.read_bytes())}
        try:
            answer = await client.post("/process", files=files, data={"language": "en"})
        except httpx.HTTPError as error:
            one.error = repr(error)
            return
        if answer.status_code != 503:
            break
        one.refused += 1
        await asyncio.sleep(float(answer.headers["retry-after"]))
    one.took = time.monotonic() - one.began
    if answer.status_code == 200:
        one.conversation = answer.json()
    else:
        one.error = f"{answer.status_code} {answer.text[:200]}"


class Onlooker(Background):
    """Reads as other clients do, and watches the memory."""

    def __init__(self, application: Application) -> None:
        super().__init__(self._read, self._look)
        self.application = application
        self.answers: dict[str, list[float]] = {path: [] for path in READ}
        """Seconds that each took."""
        self.others: Counter[int] = Counter()
        self.peak = 0

    def _read(self) -> None:
        with httpx.Client(base_url=self.application.client.base_url, timeout=60) as client:
            for path in itertools.cycle(READ):
                start = time.perf_counter()
                status = client.get(path).status_code
                self.answers[path].append(time.perf_counter() - start)
                if status != 200 and not (status == 404 and path == "/conversations/1"):  # which is not there yet
                    self.others[status] += 1
                if self.stop.wait(READ_EVERY):
                    return

    def _look(self) -> None:
        while not self.stop.wait(LOOK_EVERY):
            self.peak = max(self.peak, self.application.memory())


def check(application: Application, sent: Sequence[Sent]) -> list[str]:
    """Violations of the rule: every recording has one conversation and one completed job, with each segment once."""
    faults = [f"{one.path.name}: {one.error}" for one in sent if one.error]
    total = application.client.get("/conversations").json()["total"]
    completed = application.client.get("/jobs", params={"state": "completed"}).json()["total"]
    faults += [f"{total} conversations, {completed} completed jobs"] if total != len(sent) or completed != len(sent) else []
    for one in sent:
        lines = [(line["start_offset"], line["end_offset"], line["text"]) for line in one.conversation.get("segments", ())]
        if len(set(lines)) != len(lines):
            faults.append(f"{one.path.name} has lines more than once: {lines}")
        if one.kind == "long" and not lines:
            faults.append(f"{one.path.name} has no lines")
    return faults


def report(sent: Sequence[Sent], start: float) -> str:
    """A row for each kind: how long its clients waited, and when it was done among all others."""
    order = {one.path: place for place, one in enumerate(sorted(sent, key=lambda one: one.began + one.took), 1)}
    rows = []
    for kind in dict.fromkeys(one.kind for one in sent):
        some = [one for one in sent if one.kind == kind and not one.error]
        waited = sorted(one.took for one in some)
        ends = sorted(one.began + one.took - start for one in some)
        places = sorted(order[one.path] for one in some)
        waits = (
            (f"{statistics.median(waited):.0f} s", f"{np.quantile(waited, 0.95):.0f} s", f"{waited[-1]:.0f} s")
            if some
            else ("–",) * 3
        )
        last = (f"{ends[0]:.0f} s", f"{ends[-1]:.0f} s", f"{places[0]} to {places[-1]}") if some else ("–",) * 3
        rows.append((kind, str(len(some)), *waits, *last))
    return table(("", "done", "waited: median", "p95", "max", "first done after", "last", "places"), rows)


def reading(onlooker: Onlooker) -> str:
    """How long the reader waited, a row for each route and one for all."""
    rows = []
    for path, answers in (onlooker.answers | {"all": list(itertools.chain(*onlooker.answers.values()))}).items():
        if ordered := sorted(answers):
            times = (statistics.median(ordered), np.quantile(ordered, 0.95), ordered[-1])
            rows.append((path, str(len(ordered)), *(f"{1000 * seconds:.0f} ms" for seconds in times)))
    return table(("GET", "times", "median", "p95", "max"), rows)


if __name__ == "__main__":
    run(main)
