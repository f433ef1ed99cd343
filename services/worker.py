"""The worker of an ingress replica: takes jobs from the database, has the stages do them, and files what they find."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import replace
from typing import Any
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncSession

from media.decoding import AudioError
from pipeline.process import process
from pipeline.types import Transcript
from services.errors import failure_reason
from services.identity import reprocessing
from services.policy import Policies
from services.recordings import Recordings, options_of
from services.runtime import Runtime
from storage.conversations import conversations
from storage.jobs import jobs
from storage.jobs.jobs import LEASE, Lease, LeaseLostError
from storage.jobs.notifications import Notifications
from storage.postgres.database import Database

logger = logging.getLogger("ray.serve")

AT_ONCE = 4
"""Recordings in the stages at a time; the others wait, so that the first to come is the first to be done."""
LONG = 600.0
"""Seconds. One place is kept for recordings shorter than this, which never wait for several long ones to end."""
LOOK_EVERY = 2.0
"""Seconds until it is looked for work that nobody announced: that of a worker which died, or whose pause is over."""
REPORT_EVERY = 0.5
"""Seconds between two reports of progress that reach the database."""
HOLD_EVERY = LEASE.total_seconds() / 5
ANSWERED = LEASE.total_seconds() / 5
"""Seconds that the database may take to renew a lease before it is asked again."""


class CancelledByUserError(Exception):
    """Nobody wants the result any more."""


class Worker:
    """Works from `start` until `close`; what it has not done by then others do, or the next start of the program."""

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
        self._work: dict[asyncio.Task[None], Lease] = {}

    def start(self) -> None:
        self._looking = self._spawn(self._look())

    async def close(self) -> None:
        self._looking.cancel()
        tasks = [self._looking, *self._work]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _spawn(self, work: Coroutine[Any, Any, None], request_id: str = "") -> asyncio.Task[None]:
        return asyncio.create_task(work, context=self._runtime.detached(request_id))

    async def _look(self) -> None:
        await self._stages_answer()
        while True:
            self.notifications.work.clear()
            try:
                lease = await self._claim()
            except Exception as error:  # the database is away; the jobs are still there when it is back
                logger.warning("No work can be taken from the database: %s", error)
                lease = None
            if lease is not None:
                task = self._spawn(self._do(lease), lease.options.get("request_id", ""))
                self._work[task] = lease
                task.add_done_callback(self._done)
            else:
                with suppress(TimeoutError):  # `wait_for` would lose a cancellation that comes with the news, until Python 3.12
                    async with asyncio.timeout(LOOK_EVERY):
                        await self.notifications.work.wait()

    async def _stages_answer(self) -> None:
        """Wait for that, after a start: no recording is to blame where a model takes long to load."""
        while True:
            try:
                await self.policies.embedding_model()
            except Exception as error:
                logger.warning("Work begins when the models answer: %s", error)
                await asyncio.sleep(LOOK_EVERY)
            else:
                return

    async def _claim(self) -> Lease | None:
        if len(self._work) >= AT_ONCE:
            return None
        long = sum(lease.duration > LONG for lease in self._work.values())
        async with self.database.session() as session:
            await jobs.set_aside(session)
            return await jobs.claim(session, self.name, LONG if long >= AT_ONCE - 1 else None)

    def _done(self, task: asyncio.Task[None]) -> None:
        del self._work[task]
        self.notifications.work.set()
        if not task.cancelled() and (error := task.exception()):
            logger.error("A job was let go of, and will be taken up again", exc_info=error)

    async def _do(self, lease: Lease) -> None:
        """See a job to its end, whichever that is."""
        work, hold = asyncio.create_task(self._process(lease)), asyncio.create_task(self._hold(lease))
        try:
            await asyncio.wait((work, hold), return_when=asyncio.FIRST_COMPLETED)
            await (work if work.done() else hold)
        except LeaseLostError:
            logger.warning("Job %d went to another worker, or is gone", lease.id)
        except CancelledByUserError:
            await self._write(jobs.drop, lease)
        except (AudioError, LookupError) as error:
            await self._write(jobs.fail, lease, failure_reason(error))
        except asyncio.CancelledError:
            if stopping():
                await self._write(jobs.release, lease)
                raise
            await self._write(jobs.again, lease, "A stage was stopped while it worked on this recording.")
        except Exception as error:
            logger.exception("Job %d failed in attempt %d", lease.id, lease.attempts)
            await self._write(jobs.again, lease, failure_reason(error))
        finally:
            for task in (work, hold):
                task.cancel()
            await asyncio.gather(work, hold, return_exceptions=True)

    async def _process(self, lease: Lease) -> None:
        """Hear the recording and file its transcript."""
        self._runtime.wake()
        async with self.database.session() as session:
            key = await conversations.recording_in_work(session, lease.conversation_id)
            found = await jobs.results(session, lease)
        audio = await self.recordings.load(key)
        voice = await self.policies.voice_settings()
        options = replace(
            options_of(lease.options), filter_hallucinations=voice.filter_hallucinations, context_padding=voice.context_padding
        )

        async def keep(stage: str, result: str) -> None:
            await self.database.persist(lambda session: jobs.keep(session, lease, stage, result), LEASE.total_seconds())

        report = _Reporter(self.database, lease).report
        transcript = await process(audio.samples, audio.duration, self.recordings.stages, options, report, found, keep)
        await self._write(self._file, lease, transcript)

    async def _hold(self, lease: Lease) -> None:
        """Renew the lease for as long as there is one. Raises LeaseLostError, CancelledByUserError."""
        held = time.monotonic()
        while time.monotonic() - held < LEASE.total_seconds():
            await asyncio.sleep(HOLD_EVERY)
            try:
                async with asyncio.timeout(ANSWERED), self.database.session() as session:
                    cancelled = await jobs.renew(session, lease)
            except LeaseLostError:
                raise
            except Exception as error:
                logger.warning("The lease of job %d could not be renewed: %s", lease.id, error)
                continue
            if cancelled:
                raise CancelledByUserError
            held = time.monotonic()
        raise LeaseLostError

    async def _write(self, function: Callable[..., Awaitable[Any]], lease: Lease, *args: Any) -> None:
        """One transaction, made again where the database was away for a moment."""
        try:
            await self.database.persist(lambda session: function(session, lease, *args), LEASE.total_seconds())
        except LeaseLostError:
            logger.warning("Job %d went to another worker, or is done", lease.id)

    async def _file(self, session: AsyncSession, lease: Lease, transcript: Transcript) -> None:
        policy = await self.policies.lock(session)
        await reprocessing.replace(session, lease.conversation_id, transcript, policy)
        await jobs.finish(session, lease)  # last: where the lease is lost, nothing of all this is kept


class _Reporter:
    """Writes progress where every replica can read it, but not more often than somebody would look."""

    def __init__(self, database: Database, lease: Lease) -> None:
        self._database = database
        self._lease = lease
        self._last = ("", -REPORT_EVERY)

    async def report(self, stage: str, fraction: float) -> None:
        now = time.monotonic()
        if self._last[0] == stage and now - self._last[1] < REPORT_EVERY:
            return
        self._last = (stage, now)
        try:
            async with self._database.session() as session:
                await jobs.report(session, self._lease, stage, fraction)
        except LeaseLostError:
            raise
        except Exception as error:  # the work goes on; the next report may get through
            logger.warning("The progress of job %d could not be written: %s", self._lease.id, error)


def stopping() -> bool:
    """Whether somebody cancelled this task, and not what it waited for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
