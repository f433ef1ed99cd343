"""Time of all models by their numbers of threads and the waiting of OpenMP: one recording, four at once, live audio beside one.

    python -m benchmarks.performance.threads

Each setting runs in a process of its own with all four models, as `vivavoce transcribe` has them; loading and a first recording
are not counted. CPU seconds do not depend on other work of the machine as much as times do, and show what threads spend on
waiting for each other. Live audio goes to an application, in which it comes before recordings: a segment's seconds are those
from the silence that ends it to its message, alone and while recordings are processed in turn.
"""

import asyncio
import os
import statistics
import subprocess
import sys
import time
from typing import Annotated

import typer

from benchmarks.harness.application import Application, Background, running
from benchmarks.harness.command import run
from benchmarks.performance.live import delays, samples_of, stream
from engines import in_process
from media.decoding import decode
from pipeline.process import Options, process
from pipeline.types import SAMPLE_RATE, Samples
from settings import Settings
from vivavoce import sample
from vivavoce.printing import table

CORES = str(os.cpu_count())
NO_SPINNING = {"OMP_WAIT_POLICY": "PASSIVE", "KMP_BLOCKTIME": "0"}
"""For the OpenMP of GCC, which torch uses, and that of LLVM, which CTranslate2 uses."""
SETTINGS: dict[str, dict[str, str]] = {
    f"{CORES} threads": {"CPU_THREADS": CORES},
    f"{CORES} threads, no spinning": {"CPU_THREADS": CORES, **NO_SPINNING},
    "1 thread": {"CPU_THREADS": "1"},
    "1 thread, no spinning": {"CPU_THREADS": "1", **NO_SPINNING},
}
AT_ONCE = (1, 4)
MEASUREMENTS = ("recordings", "live")


def main(measured: Annotated[str, typer.Option("--measure", hidden=True)] = "") -> None:
    if measured:
        print(*(asyncio.run(recordings()) if measured == "recordings" else live()))
        return
    rows = []
    for name, variables in SETTINGS.items():
        row = [name]
        for measurement in MEASUREMENTS:
            command = [sys.executable, "-m", "benchmarks.performance.threads", "--measure", measurement]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, **variables})
            row += [f"{float(seconds):.1f}" for seconds in done.stdout.split()]
        rows.append(row)
        print(*row, file=sys.stderr, flush=True)
    counts = [f"{what} {count} at once" for count in AT_ONCE for what in ("CPU s each,", "s of all,")]
    spoken = [f"live segment s, {what}{where}" for where in ("alone", "beside a recording") for what in ("", "slowest ")]
    print(table(("models have", *counts, *spoken), rows))


async def recordings() -> list[float]:
    """For each of `AT_ONCE`: CPU seconds of a recording when so many are processed at once, and the seconds of all."""
    stages, samples = in_process.load(Settings()), _sample()
    await _process(samples, stages, 1)
    found = []
    for count in AT_ONCE:
        cpu, wall = time.process_time(), time.perf_counter()
        await _process(samples, stages, count)
        found += [(time.process_time() - cpu) / count, time.perf_counter() - wall]
    return found


def live() -> list[float]:
    """Median and largest seconds of a live segment, alone, and while recordings are processed."""
    with running() as application:
        application.process_file(sample.recording())
        alone = _segment_delays(application)
        with RecordingsInTurn(application):
            busy = _segment_delays(application)
    return [statistics.median(alone), max(alone), statistics.median(busy), max(busy)]


class RecordingsInTurn(Background):
    def __init__(self, application: Application) -> None:
        super().__init__(self._process)
        self._application = application

    def _process(self) -> None:
        while not self.stop.is_set():
            self._application.process_file(sample.recording())


def _segment_delays(application: Application) -> list[float]:
    path = sample.recording()
    return [delay for _, delay in delays(samples_of(path), stream(application, path, partials=False))]


def _sample() -> Samples:
    return decode(sample.recording(), max_duration=60.0)


async def _process(samples: Samples, stages: in_process.LocalStages, count: int) -> None:
    seconds = len(samples) / SAMPLE_RATE
    await asyncio.gather(*(process(samples, seconds, stages, Options(), _ignore) for _ in range(count)))


async def _ignore(_stage: str, _fraction: float) -> None: ...


if __name__ == "__main__":
    run(main)
