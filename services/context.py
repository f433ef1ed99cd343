"""The composition root: what every use case works with."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from pipeline.stages import Stages
from services.access.accounts import Accounts
from services.access.authentication import Authentication
from services.access.logins import Logins
from services.access.openid_login import OpenIDLogin
from services.access.passwords import PasswordHasher
from services.answers.ask import Asking
from services.editing.transcript_editor import TranscriptEditor
from services.encodings import Encodings
from services.erasure.cleanup import Cleanup
from services.erasure.erasure import Erasure
from services.erasure.retention import Retention
from services.events.feed import EventFeed
from services.identity.speaker_service import SpeakerService
from services.live.live_conversations import LiveConversations
from services.llm.model import LanguageModel
from services.models import Models
from services.policy import Policies, StageStatus
from services.recordings import Recordings
from services.runtime import IN_PROCESS, Runtime
from services.search.indexer import Indexer
from services.search.transcript_search import TranscriptSearch
from services.summaries.service import Summaries
from services.summaries.worker import SummaryWorker
from services.transcription import Transcriptions
from services.vocabulary import Vocabularies
from services.webhooks import Webhooks
from services.worker import MAX_JOBS, Worker
from settings import Settings
from storage.audio import AudioStore
from storage.events.notifications import Notifications
from storage.postgres.database import POOL_SIZE, Database


@dataclass(frozen=True)
class AppContext:
    """Made once in each process that serves requests."""

    settings: Settings
    database: Database
    store: AudioStore
    notifications: Notifications
    events: EventFeed
    recordings: Recordings
    transcriptions: Transcriptions
    encodings: Encodings
    live: LiveConversations
    worker: Worker
    search: TranscriptSearch
    indexer: Indexer
    webhooks: Webhooks
    summaries: Summaries
    summary_worker: SummaryWorker
    asking: Asking
    policies: Policies
    models: Models
    vocabularies: Vocabularies
    speakers: SpeakerService
    editor: TranscriptEditor
    accounts: Accounts
    logins: Logins
    openid: OpenIDLogin
    authentication: Authentication
    erasure: Erasure
    retention: Retention
    stage_status: Callable[[], Awaitable[StageStatus]]
    check_stages: Callable[[], Awaitable[object]]
    """Raises where a stage can take no calls now; `stage_status` may be older."""

    @classmethod
    @asynccontextmanager
    async def create(
        cls,
        settings: Settings,
        url: str,
        stages: Stages[Any],
        stage_status: Callable[[], Awaitable[StageStatus]],
        *,
        check_stages: Callable[[], Awaitable[object]] | None = None,
        urgent_stages: Stages[Any] | None = None,
        runtime: Runtime = IN_PROCESS,
        pool_size: int = POOL_SIZE,
    ) -> AsyncIterator["AppContext"]:
        """Connect to the migrated database at `url` until the block ends.

        `urgent_stages` are the same stages for calls that a person who speaks waits for.
        """
        database = Database(url, pool_size)
        store = AudioStore(settings.audio_url or str(settings.data_path / "audio"))
        await asyncio.to_thread(store.close_to_others)
        policies, models = Policies(settings, database, stage_status), Models(settings, stage_status)
        vocabularies = Vocabularies(database, stages.transcriber)
        async with Notifications(url, database) as notifications, EventFeed(database, notifications) as events:
            recordings = Recordings(settings, stages, database, store, notifications, runtime)
            live_stages = urgent_stages or stages
            live = LiveConversations(
                settings,
                live_stages,
                stages,
                database,
                store,
                policies,
                vocabularies,
                runtime.share,
                recordings.memory,
                models,
            )
            worker = Worker(recordings, notifications, policies, vocabularies, runtime, settings.recordings_at_once or MAX_JOBS)
            webhooks = Webhooks(settings, database, runtime)
            indexer = Indexer(database, notifications, stages.text, runtime)
            language_model = LanguageModel(settings, database)
            transcript_search = TranscriptSearch(database, stages.text)
            hasher = PasswordHasher()
            logins = Logins(settings, database, hasher)
            cleanup = Cleanup(database, store, runtime)
            encodings = Encodings(store)
            try:
                yield cls(
                    settings=settings,
                    database=database,
                    store=store,
                    notifications=notifications,
                    events=events,
                    recordings=recordings,
                    transcriptions=Transcriptions(recordings, policies, vocabularies, runtime),
                    encodings=encodings,
                    live=live,
                    worker=worker,
                    search=transcript_search,
                    indexer=indexer,
                    webhooks=webhooks,
                    summaries=Summaries(settings, database, language_model, runtime),
                    asking=Asking(database, transcript_search, language_model),
                    summary_worker=SummaryWorker(database, runtime, language_model),
                    policies=policies,
                    models=models,
                    vocabularies=vocabularies,
                    editor=TranscriptEditor(recordings, live_stages, policies),
                    speakers=SpeakerService(recordings, live_stages, policies),
                    accounts=Accounts(database, hasher),
                    logins=logins,
                    openid=OpenIDLogin(settings, database, logins),
                    authentication=Authentication(database),
                    erasure=Erasure(database, cleanup, live),
                    retention=Retention(settings, database, cleanup, runtime),
                    stage_status=stage_status,
                    check_stages=check_stages or stage_status,
                )
            finally:
                await live.close()
                await cleanup.close()
                await language_model.close()
                await encodings.close()
                recordings.close()
                await database.dispose()

    @asynccontextmanager
    async def working(self, *, jobs: bool = True) -> AsyncIterator[None]:
        """Work on webhooks, abandoned live conversations, what is too old, and `jobs` until the block ends.

        `jobs`: recordings, and texts to embed.
        """
        self.live.recover()
        if jobs:
            self.worker.start()
            self.indexer.start()
        self.webhooks.start()
        self.summary_worker.start()
        self.retention.start()
        try:
            yield
        finally:
            await self.worker.close()
            await self.indexer.close()
            await self.webhooks.close()
            await self.summary_worker.close()
            await self.retention.close()

    async def drain(self) -> None:
        """Return jobs to the queue, release requests that wait for one, and end event streams, before the program stops."""
        self.events.end()
        self.recordings.stopping.set()
        await self.worker.close()
        await self.summary_worker.close()
