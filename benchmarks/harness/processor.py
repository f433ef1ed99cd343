"""Processor time of a connection's PostgreSQL process and of this process.

On a machine with other work it says more than the time that passes. Linux only: `/proc/PID/schedstat` has nanoseconds, where
`/proc/PID/stat` has hundredths of a second.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from sqlalchemy import func, select

from storage.postgres.database import Database


@dataclass(frozen=True, slots=True)
class Spent:
    """Milliseconds."""

    passed: float
    postgres: float
    program: float

    @property
    def processor(self) -> float:
        return self.postgres + self.program


class Stopwatch:
    """Measures between `start` and `stop`. The transactions must follow each other, so that all have one connection."""

    def __init__(self, pid: int) -> None:
        self._schedstat = Path(f"/proc/{pid}/schedstat")
        self._began = self._now()

    @classmethod
    async def of(cls, database: Database) -> Self:
        async with database.session() as session:
            return cls((await session.execute(select(func.pg_backend_pid()))).scalar_one())

    def start(self) -> None:
        self._began = self._now()

    def stop(self) -> Spent:
        return Spent(*(1000 * (now - then) for now, then in zip(self._now(), self._began, strict=True)))

    def _now(self) -> tuple[float, float, float]:
        return time.perf_counter(), int(self._schedstat.read_text().split()[0]) / 1e9, time.process_time()
