"""How many segments search by meaning finds so far, while a model embeds an archive for the first time."""

import asyncio
import math
import time
from dataclasses import dataclass

from storage.postgres.database import Database
from storage.search import pending_vectors, vector_index

WAITING_MAX_AGE_S = 5.0
"""A million that wait are counted in 0.1 s."""
TOTAL_MAX_AGE_S = 60.0
"""Their number changes little, and a million are counted in 0.4 s."""
FEW = 32
"""So many are embedded within a second, as those of each new recording: searches do not report them."""


@dataclass(frozen=True, slots=True)
class Coverage:
    covered: int
    """Segments with a vector of the model in use."""
    segments: int
    """Segments with text."""

    def __str__(self) -> str:
        return f"Search by meaning covers {self.covered:,} of {self.segments:,} segments so far."


class CoverageCounts:
    """Counts for all callers of a process, at most once in `WAITING_MAX_AGE_S`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = asyncio.Lock()
        self._model = ""
        self._begun = False
        """Whether what has no vector of the model is in the queue."""
        self._waiting = self._total = 0
        self._waiting_read_at = self._total_read_at = -math.inf

    async def read(self, model: str) -> Coverage:
        """The coverage by vectors of this model, a few seconds old at most."""
        async with self._lock:
            await self._read_waiting(model)
            await self._read_total()
            covered = max(self._total - self._waiting, 0) if self._begun else 0
            return Coverage(covered, self._total)

    async def incomplete(self, model: str) -> Coverage | None:
        """The same; None where all or nearly all segments are covered, without counting these."""
        async with self._lock:
            await self._read_waiting(model)
            complete = self._begun and self._waiting <= FEW
        return None if complete else await self.read(model)

    async def _read_waiting(self, model: str) -> None:
        now = time.monotonic()
        if model == self._model and now - self._waiting_read_at <= WAITING_MAX_AGE_S:
            return
        async with self._database.session() as session:
            begun = await vector_index.is_begun(session, model)
            waiting = await pending_vectors.count(session)
        grows = waiting > max(self._waiting, FEW)  # an archive is added
        if (model, begun) != (self._model, self._begun) or grows:
            self._total_read_at = -math.inf
        self._model, self._begun, self._waiting, self._waiting_read_at = model, begun, waiting, now

    async def _read_total(self) -> None:
        now = time.monotonic()
        if now - self._total_read_at <= TOTAL_MAX_AGE_S:
            return
        async with self._database.session() as session:
            if self._begun:
                # One statement, as a segment moves from one table to the other.
                self._total = await pending_vectors.count_with_vectors(session, self._model)
            else:
                self._total = await pending_vectors.count_segments(session)
        self._total_read_at = now
