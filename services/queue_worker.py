"""Work on jobs of the queue: claims them, renews their leases, and records how they ended."""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, ClassVar
from uuid import uuid4

from pipeline.concurrency import is_cancelling
from pipeline.faults import recurs
from services.errors import failure_reason
from services.leases import CancelledByUserError, Leases
from services.runtime import Runtime
from storage.jobs import jobs
from storage.jobs.jobs import LEASE_S, MAX_ATTEMPTS, Lease, LeaseLostError
from storage.postgres.database import Database

logger = logging.getLogger("ray.serve")

MAX_ATTEMPTS_OF_RECURRING_FAULTS = 2
"""Attempts of a job with a fault that is expected to recur: one more than the first, in case the fault was accidental."""
POLL_INTERVAL_S = 2.0
"""How often the queue is read without a notification: for jobs of a worker that died, and for jobs after their retry delay."""


class QueueWorker(ABC):
    """Works from `start` until `close`. Unfinished jobs go to other workers, or wait for the next start of the program."""

    FINAL: ClassVar[tuple[type[Exception], ...]]
    """Errors that another attempt would meet again: the job fails."""
    STOPPED: ClassVar[str]
    """Why a job is tried again of which the work was cancelled, and not the worker."""

    def __init__(self, database: Database, runtime: Runtime, wake: asyncio.Event, max_jobs: int) -> None:
        """`wake` is set when a job may be ready."""
        self.database = database
        self.name = uuid4().hex
        self._runtime = runtime
        self._wake = wake
        self._max_jobs = max_jobs
        self._loop: asyncio.Task[None] | None = None
        self._leases: dict[asyncio.Task[None], Lease] = {}
        self._renewals = Leases(database)

    @abstractmethod
    async def _claim(self) -> Lease | None:
        """A job that is ready; None where there is none, or no room for it."""

    @abstractmethod
    async def _process(self, lease: Lease) -> None:
        """Do the work, and store its result in the transaction that finishes the job."""

    async def _prepare(self) -> None:  # noqa: B027  # most can begin at once
        """Wait until work can begin."""

    def start(self) -> None:
        self._loop = self._spawn(self._claim_jobs())

    @property
    def stopped(self) -> bool:
        """Whether it claims no jobs: before `start`, after `close`, and where an error of the program has ended it."""
        return self._loop is None or self._loop.done()

    async def close(self) -> None:
        tasks = [*([self._loop] if self._loop else []), *self._leases]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._renewals.close()

    def _spawn(self, work: Coroutine[Any, Any, None], request_id: str = "") -> asyncio.Task[None]:
        return asyncio.create_task(work, context=self._runtime.detached(request_id))

    async def _claim_jobs(self) -> None:
        await self._prepare()
        while True:
            self._wake.clear()
            try:
                lease = await self._claim()
            except Exception as error:  # the database is down; the jobs are still there when it is back
                logger.warning("No job can be claimed from the database: %s", error)
                lease = None
            if lease is not None:
                task = self._spawn(self._run(lease), lease.options.request_id)
                self._leases[task] = lease
                task.add_done_callback(self._done)
            else:
                # `wait_for` loses a cancellation that comes together with the notification, until Python 3.12.
                with suppress(TimeoutError):
                    async with asyncio.timeout(POLL_INTERVAL_S):
                        await self._wake.wait()

    def _done(self, task: asyncio.Task[None]) -> None:
        del self._leases[task]
        self._wake.set()
        if not task.cancelled() and (error := task.exception()):
            logger.error("A job was dropped; it is claimed again when its lease expires", exc_info=error)

    async def _run(self, lease: Lease) -> None:
        """Process a job, and record how it ended."""
        work, renewal = asyncio.create_task(self._process(lease)), asyncio.create_task(self._renewals.hold(lease))
        try:
            await asyncio.wait((work, renewal), return_when=asyncio.FIRST_COMPLETED)
            await (work if work.done() else renewal)
        except LeaseLostError:
            logger.warning("Job %d was claimed by another worker, or does not exist any more", lease.id)
        except CancelledByUserError:
            await self._write(jobs.confirm_cancel, lease)
        except asyncio.CancelledError:
            if is_cancelling():
                await self._write(jobs.release, lease)
                raise
            await self._write(jobs.retry_later, lease, self.STOPPED)
        except Exception as error:
            await self._failed(lease, error)
        finally:
            for task in (work, renewal):
                task.cancel()
            await asyncio.gather(work, renewal, return_exceptions=True)

    async def _failed(self, lease: Lease, error: Exception) -> None:
        if isinstance(error, self.FINAL):
            await self._write(jobs.fail, lease, failure_reason(error))
            return
        logger.error("Job %d failed in attempt %d", lease.id, lease.attempts, exc_info=error)
        most = MAX_ATTEMPTS_OF_RECURRING_FAULTS if recurs(error) else MAX_ATTEMPTS
        await self._write(jobs.retry_later, lease, failure_reason(error), most)

    async def _write(self, function: Callable[..., Awaitable[Any]], lease: Lease, *args: Any) -> None:
        """Run `function` in one transaction, repeated while the database is down."""
        try:
            await self.database.persist(lambda session: function(session, lease, *args), LEASE_S)
        except LeaseLostError:
            logger.warning("Job %d was claimed by another worker, or has ended", lease.id)
