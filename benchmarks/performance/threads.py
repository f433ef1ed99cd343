"""CPU seconds of all models by their numbers of threads and the waiting of OpenMP: one recording alone, and four at once.

    python -m benchmarks.performance.threads

Each setting runs in a process of its own with all four models, as `vivavoce transcribe` has them; loading and a first recording
are not counted. CPU seconds do not depend on other work of the machine as much as times do, and show what threads spend on
waiting for each other.
"""

import asyncio
import os
import subprocess
import sys
import time
from typing import Annotated

import typer

from benchmarks.harness.command import run
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


def main(measured: Annotated[int | None, typer.Option("--measure", hidden=True)] = None) -> None:
    if measured is not None:
        print(*measure(measured))
        return
    rows = []
    for name, variables in SETTINGS.items():
        for count in AT_ONCE:
            command = [sys.executable, "-m", "benchmarks.performance.threads", "--measure", str(count)]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, **variables})
            rows.append((name, str(count), *(f"{float(seconds):.1f}" for seconds in done.stdout.split())))
            print(*rows[-1], file=sys.stderr, flush=True)
    print(table(("models have", "recordings at once", "CPU s each", "wall s"), rows))


def measure(count: int) -> tuple[float, float]:
    """CPU seconds of a recording when so many are processed at once, and the seconds of all."""
    stages = in_process.load(Settings())
    samples = decode(sample.recording(), max_duration=60.0)
    asyncio.run(_process(samples, stages, 1))
    cpu, wall = time.process_time(), time.perf_counter()
    asyncio.run(_process(samples, stages, count))
    return (time.process_time() - cpu) / count, time.perf_counter() - wall


async def _process(samples: Samples, stages: in_process.LocalStages, count: int) -> None:
    seconds = len(samples) / SAMPLE_RATE
    await asyncio.gather(*(process(samples, seconds, stages, Options(), _ignore) for _ in range(count)))


async def _ignore(_stage: str, _fraction: float) -> None: ...


if __name__ == "__main__":
    run(main)
