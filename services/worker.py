"""Work on recordings: claims jobs, runs the stages and stores the transcripts."""

import asyncio
import logging
import time
from functools import partial
from typing import ClassVar

from sqlalchemy.ext.asyncio import AsyncSession

from media.decoding import AudioError
from pipeline.channels import process_channels
from pipeline.process import Options
from pipeline.types import Transcript
from services.editing import carry_over
from services.identity import reprocessing
from services.policy import Policies
from services.queue_worker import POLL_INTERVAL_S, QueueWorker
from services.recordings import Recordings
from services.runtime import Runtime
from services.summaries.completion import on_processed
from services.vocabulary import Vocabularies
from storage.conversations import conversations
from storage.events.notifications import Notifications
from storage.jobs import jobs, stage_results
from storage.jobs.jobs import LEASE_S, Lease, LeaseLostError
from storage.jobs.open_work import OpenWork, read_open_work
from storage.postgres.database import Database

logger = logging.getLogger("ray.serve")

MAX_JOBS = 4
"""Recordings in the stages at a time. The others wait, so that the first to arrive is the first to be finished."""
LONG_RECORDING_S = 600.0
"""Recordings longer than this have `MAX_LONG_JOBS` places only, so that shorter ones never wait for several long ones."""
MAX_LONG_JOBS = 3
"""Also bounds the memory: an hour of audio takes 230 MB of Ray's object store. One place less than all, where there are few."""
REPORT_INTERVAL_S = 0.5
"""Minimum time between two reports of progress that are written to the database."""


class Worker(QueueWorker):
    """Processes recordings."""

    FINAL: ClassVar[tuple[type[Exception], ...]] = (AudioError, LookupError)
    STOPPED: ClassVar[str] = "A stage was stopped while it worked on this recording."

    def __init__(
        self,
        recordings: Recordings,
        notifications: Notifications,
        policies: Policies,
        vocabularies: Vocabularies,
        runtime: Runtime,
        max_jobs: int = MAX_JOBS,
    ) -> None:
        super().__init__(recordings.database, runtime, notifications.work, max_jobs)
        self.recordings = recordings
        self.notifications = notifications
        self.policies = policies
        self.vocabularies = vocabularies
        self._max_long = max(1, min(MAX_LONG_JOBS, max_jobs - 1))
        # Transcripts wait for `speakers.lock` with a connection each. All together they would take those of the pool, and
        # neither claims nor progress nor other results could be written.
        self._storing = asyncio.Lock()

    async def open_work(self) -> OpenWork:
        """The work of all workers."""
        async with self.database.session() as session:
            return await read_open_work(session, LONG_RECORDING_S)

    def workers_for(self, work: OpenWork) -> int:
        """As many workers as have a place for each job."""
        return max(-(-work.jobs // self._max_jobs), -(-work.long_jobs // self._max_long))

    async def _prepare(self) -> None:
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
        if len(self._leases) >= self._max_jobs:
            return None
        long = sum(lease.duration > LONG_RECORDING_S for lease in self._leases.values())
        async with self.database.session() as session:
            await jobs.set_aside(session)
            return await jobs.claim(session, self.name, LONG_RECORDING_S if long >= self._max_long else None)

    async def _process(self, lease: Lease) -> None:
        """Run the stages on the recording and store its transcript."""
        self._runtime.wake()
        async with self.database.session() as session:
            key = await conversations.audio_key(session, lease.conversation_id)
            found = await stage_results.read(session, lease)
        voice = await self.policies.voice_settings()
        options = Options(
            language=lease.options.language,
            hint=lease.options.hint,
            channels=lease.options.channels,
            decoding=lease.options.decoding,
            filter_hallucinations=voice.filter_hallucinations,
            context_padding=voice.context_padding,
            vocabulary=await self.vocabularies.read(),
        )

        async def store(stage: str, result: str) -> None:
            await self.database.persist(lambda session: stage_results.store(session, lease, stage, result), LEASE_S)

        report = _Reporter(self.database, lease).report
        numbers = [None] if lease.options.channel_count == 1 else range(lease.options.channel_count)
        channels = [partial(self.recordings.load, key, number) for number in numbers]
        transcript = await process_channels(channels, self.recordings.stages, options, report, found, store)
        async with self._storing:
            await self._write(self._store_transcript, lease, transcript)

    async def _store_transcript(self, session: AsyncSession, lease: Lease, transcript: Transcript) -> None:
        policy = await self.policies.lock(session)
        kept = await carry_over.keep(session, lease.conversation_id, transcript)
        await reprocessing.replace(session, lease.conversation_id, kept.transcript, policy)
        await carry_over.store(session, lease.conversation_id, kept)
        await on_processed(session, self.recordings.settings, lease)
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
