"""Whose turn it is on a replica, which does few things at a time."""

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator, Hashable, Iterator
from contextlib import asynccontextmanager, contextmanager


class FairScheduler:
    """So many at a time: the urgent ones first, then one of each recording that waits, and then the next of each.

    So a recording of hours, all of whose calls wait here, delays another one by as little as a short one would: this is fair
    queuing (Demers, Keshav and Shenker, 1989), with every call of the same size. Belongs to one event loop.
    """

    def __init__(self, room: int = 1) -> None:
        self._room = room
        self._closed = 0
        self._waiting: list[tuple[bool, int, int, asyncio.Future[None]]] = []
        self._number = itertools.count()
        self._round = 0
        """That of the last one whose turn came."""
        self._rounds: dict[Hashable, int] = {}
        """The last that each recording has calls in."""

    @asynccontextmanager
    async def take(self, *, urgent: bool = False, recording_key: Hashable = None) -> AsyncIterator[None]:
        """Wait for a turn, and have it until the end of the block. `recording_key`: the recording; None stands for itself."""
        if self._room and not self._closed:
            self._room -= 1
        else:
            turn = asyncio.get_running_loop().create_future()
            heapq.heappush(self._waiting, (not urgent, self._next_round(recording_key), next(self._number), turn))
            try:
                await turn
            except asyncio.CancelledError:
                if not turn.cancelled():  # it was given the turn, and will not use it
                    self._pass_on()
                raise
        try:
            yield
        finally:
            self._pass_on()

    def _next_round(self, recording_key: Hashable) -> int:
        if recording_key is None:
            return self._round + 1
        self._rounds[recording_key] = max(self._round, self._rounds.get(recording_key, 0)) + 1
        return self._rounds[recording_key]

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Nobody's turn comes within the block; at its end come as many as there is room for, all at once."""
        self._closed += 1
        try:
            yield
        finally:
            self._closed -= 1
            self._admit()

    def _pass_on(self) -> None:
        self._room += 1
        self._admit()

    def _admit(self) -> None:
        while self._room and self._waiting and not self._closed:
            urgent_last, round_, _, turn = heapq.heappop(self._waiting)
            if not turn.done():
                if urgent_last:
                    self._round = round_
                self._room -= 1
                turn.set_result(None)
        if not self._waiting:
            self._rounds.clear()
