"""The limit of requests in a minute, of all replicas together.

A replica takes requests from the database in allotments, a twentieth of the limit each, and counts them down in memory: a write
for each request would cost more than many requests do. What is left of an allotment at the end of the minute is lost, so that a
principal with requests to several replicas gets up to a twentieth less for each of them.
"""

import asyncio
import logging
import math
import time
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime

from services.errors import LimitExceededError
from storage.access import usage
from storage.postgres import database
from storage.postgres.database import Database

logger = logging.getLogger("ray.serve")

REQUESTS = "requests"
PERIOD_S = 60
ALLOTMENTS = 20
"""In a limit."""
PURGE_INTERVAL_S = 3600.0


@dataclass(slots=True)
class _Allotment:
    left: int = 0
    exhausted: bool = False
    """The database has no more for this minute."""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while more is taken: others wait for the result."""


class RequestLimit:
    """Of one replica."""

    def __init__(self, per_minute: int) -> None:
        self._limit = per_minute
        self._size = max(1, per_minute // ALLOTMENTS)
        self._minute = 0
        self._allotments: defaultdict[str, _Allotment] = defaultdict(_Allotment)
        self._purged_at = -PURGE_INTERVAL_S

    async def count(self, principal: str, found: Database) -> None:
        """Count a request. Raises LimitExceededError."""
        now = time.time()
        if (minute := int(now) // PERIOD_S) != self._minute:
            self._minute = minute
            self._allotments.clear()
        allotment = self._allotments[principal]
        if allotment.left < 1 and not allotment.exhausted:
            async with allotment.lock:
                if allotment.left < 1 and not allotment.exhausted:
                    await self._take(principal, allotment, minute, found)
        if allotment.left < 1:
            wait_s = max(1, math.ceil((minute + 1) * PERIOD_S - now))
            raise LimitExceededError(f"The limit is {self._limit} requests a minute: go on in {wait_s} s.", wait_s)
        allotment.left -= 1

    async def _take(self, principal: str, allotment: _Allotment, minute: int, found: Database) -> None:
        period = datetime.fromtimestamp(minute * PERIOD_S, UTC)
        try:
            async with found.session() as session:
                granted = await usage.take(session, principal, REQUESTS, period, self._size, self._limit)
                if time.monotonic() - self._purged_at > PURGE_INTERVAL_S:
                    self._purged_at = time.monotonic()
                    await usage.purge(session)
        except database.FAILURES as error:  # the request itself will say that the database does not answer
            logger.warning("Requests are not counted: %s", type(error).__name__)
            granted = 1.0
        allotment.left += int(granted)
        allotment.exhausted = granted < 1
