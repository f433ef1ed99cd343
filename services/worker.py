"""The worker of an ingress replica: claims jobs, runs the stages and stores the transcripts."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncSession

from media.decoding import AudioError
from pipeline.channels import process_channels
from pipeline.faults import recurs
from pipeline.process import Options
from pipeline.types import Transcript
from services.editing import carry_over
from services.errors import failure_reason
from services.identity import reprocessing
from services.policy import Policies
from services.recordings import Recordings
from services.runtime import Runtime
from storage.conversations import conversations
from storage.jobs import jobs
from storage.jobs.jobs import LEASE_S, MAX_ATTEMPTS, Lease, LeaseLostError
from storage.jobs.notifications import Notifications
from storage.postgres.database import Database

logger = logging.getLogger("ray.serve")

MAX_JOBS = 4
"""Recordings in the stages at a time. The others wait, so that the first to arrive is the first to be finished."""
LONG_RECORDING_S = 600.0
"""One place is kept for recordings shorter than this, so that they never wait for several long ones."""
MAX_ATTEMPTS_OF_RECURRING_FAULTS = 2
"""Attempts of a job with a fault that is expected to recur: one more than the first, in case the fault was accidental."""
POLL_INTERVAL_S = 2.0
"""How often the queue is read without a notification: for jobs of a worker that died, and for jobs after their retry delay."""
REPORT_INTERVAL_S = 0.5
"""Minimum time between two reports of progress that are written to the database."""
RENEW_INTERVAL_S = LEASE_S / 5
RENEW_TIMEOUT_S = LEASE_S / 5
"""How long the database may take to renew a lease before the next attempt."""


class CancelledByUserError(Exception):
    """The job is to be cancelled."""


class Worker:
    """Works from `start` until `close`. Unfinished jobs go to other workers, or wait for the next start of the program."""

    def __init__(
        self,
        recordings: Recordings,
        notifications: Notifications,
        policies: Policies,
        runtime: Runtime,
    ) -> None:
        self.recordings = recordings
        self.database = recordings.database
        self.notifications = notifications
        self.policies = policies
        self._runtime = runtime
        self.name = uuid4().hex
        self._leases: dict[asyncio.Task[None], Lease] = {}

    def start(self) -> None:
        self._loop = self._spawn(self._claim_jobs())

    async def close(self) -> None:
        self._loop.cancel()
        tasks = [self._loop, *self._leases]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _spawn(self, work: Coroutine[Any, Any, None], request_id: str = "") -> asyncio.Task[None]:
        return asyncio.create_task(work, context=self._runtime.detached(request_id))

    async def _claim_jobs(self) -> None:
        await self._wait_for_stages()
        while True:
            self.notifications.work.clear()
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
                        await self.notifications.work.wait()

    async def _wait_for_stages(self) -> None:
        """Claim nothing before the stages answer: a model that loads slowly must not cost a recording an attempt."""
        while True:
            try:
                await self.policies.embedding_model()
            except Exception as error:
                logger.warning("Work begins when the models answer: %s", error)
                await asyncio.sleep(POLL_INTERVAL_S)
            else:
                return

    async def _claim(self) -> Lease | None:
        if len(self._leases) >= MAX_JOBS:
            return None
        long = sum(lease.duration > LONG_RECORDING_S for lease in self._leases.values())
        async with self.database.session() as session:
            await jobs.set_aside(session)
            return await jobs.claim(session, self.name, LONG_RECORDING_S if long >= MAX_JOBS - 1 else None)

    def _done(self, task: asyncio.Task[None]) -> None:
        del self._leases[task]
        self.notifications.work.set()
        if not task.cancelled() and (error := task.exception()):
            logger.error("A job was dropped; it is claimed again when its lease expires", exc_info=error)

    async def _run(self, lease: Lease) -> None:
        """Process a job, and record how it ended."""
        work, renewal = asyncio.create_task(self._process(lease)), asyncio.create_task(self._renew(lease))
        try:
            await asyncio.wait((work, renewal), return_when=asyncio.FIRST_COMPLETED)
            await (work if work.done() else renewal)
        except LeaseLostError:
            logger.warning("Job %d was claimed by another worker, or does not exist any more", lease.id)
        except CancelledByUserError:
            await self._write(jobs.confirm_cancel, lease)
        except (AudioError, LookupError) as error:
            await self._write(jobs.fail, lease, failure_reason(error))
        except asyncio.CancelledError:
            if is_cancelling():
                await self._write(jobs.release, lease)
                raise
            await self._write(jobs.retry_later, lease, "A stage was stopped while it worked on this recording.")
        except Exception as error:
            logger.exception("Job %d failed in attempt %d", lease.id, lease.attempts)
            most = MAX_ATTEMPTS_OF_RECURRING_FAULTS if recurs(error) else MAX_ATTEMPTS
            await self._write(jobs.retry_later, lease, failure_reason(error), most)
        finally:
            for task in (work, renewal):
                task.cancel()
            await asyncio.gather(work, renewal, return_exceptions=True)

    async def _process(self, lease: Lease) -> None:
        """Run the stages on the recording and store its transcript."""
        self._runtime.wake()
        async with self.database.session() as session:
            key = await conversations.audio_key(session, lease.conversation_id)
            found = await jobs.stage_results(session, lease)
        voice = await self.policies.voice_settings()
        options = Options(
            language=lease.options.language,
            hint=lease.options.hint,
            channels=lease.options.channels,
            decoding=lease.options.decoding,
            filter_hallucinations=voice.filter_hallucinations,
            context_padding=voice.context_padding,
        )

        async def store(stage: str, result: str) -> None:
            await self.database.persist(lambda session: jobs.store_stage_result(session, lease, stage, result), LEASE_S)

        report = _Reporter(self.database, lease).report
        numbers = [None] if lease.options.channel_count == 1 else range(lease.options.channel_count)
        channels = [partial(self.recordings.load, key, number) for number in numbers]
        transcript = await process_channels(channels, self.recordings.stages, options, report, found, store)
        await self._write(self._store_transcript, lease, transcript)

    async def _renew(self, lease: Lease) -> None:
        """Renew the lease until this task is cancelled. Raises LeaseLostError, CancelledByUserError."""
        renewed = time.monotonic()
        while time.monotonic() - renewed < LEASE_S:
            await asyncio.sleep(RENEW_INTERVAL_S)
            try:
                async with asyncio.timeout(RENEW_TIMEOUT_S), self.database.session() as session:
                    cancelled = await jobs.renew(session, lease)
            except LeaseLostError:
                raise
            except Exception as error:
                logger.warning("The lease of job %d could not be renewed: %s", lease.id, error)
                continue
            if cancelled:
                raise CancelledByUserError
            renewed = time.monotonic()
        raise LeaseLostError

    async def _write(self, function: Callable[..., Awaitable[Any]], lease: Lease, *args: Any) -> None:
        """Run `function` in one transaction, repeated while the database is down."""
        try:
            await self.database.persist(lambda session: function(session, lease, *args), LEASE_S)
        except LeaseLostError:
            logger.warning("Job %d was claimed by another worker, or has ended", lease.id)

    async def _store_transcript(self, session: AsyncSession, lease: Lease, transcript: Transcript) -> None:
        policy = await self.policies.lock(session)
        kept = await carry_over.keep(session, lease.conversation_id, transcript)
        await reprocessing.replace(session, lease.conversation_id, kept.transcript, policy)
        await carry_over.store(session, lease.conversation_id, kept)
        await jobs.finish(session, lease)  # last: where the lease is lost, the transcript is rolled back


class _Reporter:
    """Writes progress to the database, where every replica can read it, at most once in `REPORT_INTERVAL_S`."""

    def __init__(self, database: Database, lease: Lease) -> None:
        self._database = database
        self._lease = lease
        self._last = ("", -REPORT_INTERVAL_S)

    async def report(self, stage: str, fraction: float) -> None:
        now = time.monotonic()
        if self._last[0] == stage and now - self._last[1] < REPORT_INTERVAL_S:
            return
        self._last = (stage, now)
        try:
            async with self._database.session() as session:
                await jobs.report(session, self._lease, stage, fraction)
        except LeaseLostError:
            raise
        except Exception as error:  # the work goes on; the next report may succeed
            logger.warning("The progress of job %d could not be written: %s", self._lease.id, error)


def is_cancelling() -> bool:
    """Whether this task itself is cancelled, and not only a call that it waits for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
