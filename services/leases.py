"""The leases that a worker holds on jobs, all renewed in one transaction.

Renewals have a connection of their own, as all others of the process may be busy. A lease that expires meanwhile has its
recording processed again, which makes the machine busier, until jobs have used up their attempts. For the same reason work
goes on while the database does not answer: all that is written for a job checks its lease, so that nothing is stored twice.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress

from storage.jobs import jobs
from storage.jobs.jobs import LEASE_S, Lease, LeaseLostError
from storage.postgres.database import Database

logger = logging.getLogger("ray.serve")

RENEW_INTERVAL_S = LEASE_S / 5
RENEW_TIMEOUT_S = LEASE_S * 2 / 3
"""How long the database may take to renew the leases before the next attempt, which must open a connection first: that takes
seconds on a busy machine."""


class CancelledByUserError(Exception):
    """The job is to be cancelled."""


class Leases:
    def __init__(self, database: Database) -> None:
        self._database = database.separate(pool_size=1)
        self._held: list[_Held] = []
        self._renewing: asyncio.Task[None] | None = None

    async def hold(self, lease: Lease) -> None:
        """Renew the lease until this task is cancelled. Raises LeaseLostError, CancelledByUserError."""
        held = _Held(lease)
        self._held.append(held)
        if self._renewing is None:
            self._renewing = asyncio.create_task(self._renew_all())
        try:
            await held.ended
        finally:
            self._held.remove(held)

    async def close(self) -> None:
        if self._renewing is not None:
            self._renewing.cancel()
            with suppress(asyncio.CancelledError):
                await self._renewing
        await self._database.dispose()

    async def _renew_all(self) -> None:
        while True:
            await asyncio.sleep(RENEW_INTERVAL_S)
            if held := list(self._held):
                await self._renew(held)

    async def _renew(self, held: Sequence["_Held"]) -> None:
        try:
            async with asyncio.timeout(RENEW_TIMEOUT_S), self._database.session() as session:
                found = await jobs.renew_all(session, [one.lease for one in held])
        except Exception as error:
            logger.warning("The leases of %d jobs could not be renewed: %s", len(held), str(error) or type(error).__name__)
            return
        for one in held:
            cancelled = found.get(one.lease.id)
            if cancelled is None:
                one.end(LeaseLostError())
            elif cancelled:
                one.end(CancelledByUserError())


class _Held:
    """A lease, and how it ends."""

    def __init__(self, lease: Lease) -> None:
        self.lease = lease
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def end(self, reason: Exception) -> None:
        if not self.ended.done():
            self.ended.set_exception(reason)
