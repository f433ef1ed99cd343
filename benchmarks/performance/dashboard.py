"""Ray's dashboard: what it adds to the memory and the start of the application. Starts it alternately with and without one."""

import statistics
import time
from dataclasses import dataclass
from typing import Annotated

import psutil
import typer

from benchmarks.harness.application import running
from benchmarks.harness.command import run
from tests.support.processes import descendants

SETTLE_S = 15.0
"""After the start, until memory is read."""


@dataclass(frozen=True)
class Start:
    seconds: float
    """Until the program printed that it is ready."""
    cpu_seconds: float
    """Of all its processes together, a measure that depends less on what else runs on the machine."""
    memory_mb: float
    """Proportional set size of all its processes."""


def start(*options: str) -> Start:
    begun = time.perf_counter()
    with running(*options) as application:
        seconds = time.perf_counter() - begun
        time.sleep(SETTLE_S)
        cpu = 0.0
        for pid in (application.process.pid, *descendants(application.process.pid)):
            times = psutil.Process(pid).cpu_times()
            cpu += times.user + times.system
        return Start(seconds, cpu, application.memory() / 1e6)


def main(repeats: Annotated[int, typer.Option(help="Starts of each kind.")] = 3) -> None:
    kinds: dict[str, tuple[str, ...]] = {"with the dashboard": (), "without": ("--no-dashboard",)}
    starts: dict[str, list[Start]] = {kind: [] for kind in kinds}
    for _ in range(repeats):
        for kind, options in kinds.items():
            starts[kind].append(start(*options))
    print(f"| median of {repeats} | ready after | CPU seconds | memory (PSS) |\n|---|---|---|---|")
    for kind, found in starts.items():
        seconds, cpu, memory = (
            statistics.median(getattr(one, name) for one in found) for name in ("seconds", "cpu_seconds", "memory_mb")
        )
        print(f"| {kind} | {seconds:.0f} s | {cpu:.0f} | {memory:.0f} MB |")


if __name__ == "__main__":
    run(main)
