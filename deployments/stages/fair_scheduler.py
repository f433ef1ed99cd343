"""Limit the concurrent calls on a replica; urgent calls first, then round-robin over recordings."""

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator, Hashable, Iterator
from contextlib import asynccontextmanager, contextmanager


class FairScheduler:
    """Admits `slots` calls at a time: urgent calls first, then one call of each waiting recording, then the next of each.

    So a recording of hours with all its calls waiting here delays another recording no more than a short one does. This is fair
    queuing (Demers, Keshav and Shenker, 1989) with all calls of the same size. Belongs to one event loop.
    """

    def __init__(self, slots: int = 1) -> None:
        self._slots = self._free = slots
        self._closed = 0
        self._waiting: list[tuple[bool, int, int, asyncio.Future[None]]] = []
        self._number = itertools.count()
        self._round = 0
        """The round of the last admitted call."""
        self._rounds: dict[Hashable, int] = {}
        """The last round in which each recording has a call."""

    @asynccontextmanager
    async def take(self, *, urgent: bool = False, recording_key: Hashable = None) -> AsyncIterator[None]:
        """Wait for a slot, and hold it until the end of the block. A call without `recording_key` is a recording of its own."""
        if self._free > 0 and not self._closed:
            self._free -= 1
        else:
            turn = asyncio.get_running_loop().create_future()
            heapq.heappush(self._waiting, (not urgent, self._next_round(recording_key), next(self._number), turn))
            try:
                await turn
            except asyncio.CancelledError:
                if not turn.cancelled():  # the slot was assigned, and is not used
                    self._release()
                raise
        try:
            yield
        finally:
            self._release()

    def _next_round(self, recording_key: Hashable) -> int:
        if recording_key is None:
            return self._round + 1
        self._rounds[recording_key] = max(self._round, self._rounds.get(recording_key, 0)) + 1
        return self._rounds[recording_key]

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Admit no call within the block; at its end, admit as many as there are free slots."""
        self._closed += 1
        try:
            yield
        finally:
            self._closed -= 1
            self._admit()

    def resize(self, slots: int) -> None:
        """Admit up to `slots` calls from now on. Calls that are too many then keep their slots."""
        self._free += slots - self._slots
        self._slots = slots
        self._admit()

    def _release(self) -> None:
        self._free += 1
        self._admit()

    def _admit(self) -> None:
        while self._free > 0 and self._waiting and not self._closed:
            urgent_last, round_, _, turn = heapq.heappop(self._waiting)
            if not turn.done():
                if urgent_last:
                    self._round = round_
                self._free -= 1
                turn.set_result(None)
        if not self._waiting:
            self._rounds.clear()
