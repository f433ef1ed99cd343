"""Ray's dashboard: what it adds to the start and the memory of the application. Starts it alternately with and without one."""

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
"""After the start, until memory and CPU time are read."""
IDLE_S = 30.0
"""In which the CPU time of the idle application is measured."""


@dataclass(frozen=True)
class Start:
    seconds: float
    """Until the program printed that it is ready."""
    cpu_seconds: float
    """Of all its processes together."""
    memory_mb: float
    """Proportional set size of all its processes."""
    idle_percent: float
    """Of one core."""


def cpu_seconds(pid: int) -> float:
    times = [psutil.Process(one).cpu_times() for one in (pid, *descendants(pid))]
    return sum(one.user + one.system for one in times)


def start(*options: str) -> Start:
    begun = time.perf_counter()
    with running(*options) as application:
        seconds = time.perf_counter() - begun
        time.sleep(SETTLE_S)
        cpu, memory = cpu_seconds(application.process.pid), application.memory() / 1e6
        time.sleep(IDLE_S)
        idle = (cpu_seconds(application.process.pid) - cpu) / IDLE_S * 100
        return Start(seconds, cpu, memory, idle)


def main(repeats: Annotated[int, typer.Option(help="Starts of each kind.")] = 3) -> None:
    kinds: dict[str, tuple[str, ...]] = {"with the dashboard": (), "without": ("--no-dashboard",)}
    starts: dict[str, list[Start]] = {kind: [] for kind in kinds}
    for _ in range(repeats):
        for kind, options in kinds.items():
            starts[kind].append(start(*options))
    print(f"| median of {repeats} | ready after | CPU seconds | memory (PSS) | CPU when idle |\n|---|---|---|---|---|")
    for kind, found in starts.items():
        ready = [one.seconds for one in found]
        cells = (
            f"{statistics.median(ready):.0f} s ({min(ready):.0f} to {max(ready):.0f})",
            f"{statistics.median(one.cpu_seconds for one in found):.0f}",
            f"{statistics.median(one.memory_mb for one in found):.0f} MB",
            f"{statistics.median(one.idle_percent for one in found):.0f} % of a core",
        )
        print(f"| {kind} | {' | '.join(cells)} |")


if __name__ == "__main__":
    run(main)
