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
from services.editing.transcript_editor import TranscriptEditor
from services.encodings import Encodings
from services.erasure.cleanup import Cleanup
from services.erasure.erasure import Erasure
from services.erasure.retention import Retention
from services.identity.speaker_service import SpeakerService
from services.live.live_conversations import LiveConversations
from services.models import Models
from services.policy import Policies, StageStatus
from services.recordings import Recordings
from services.runtime import IN_PROCESS, Runtime
from services.transcription import Transcriptions
from services.webhooks import Webhooks
from services.worker import Worker
from settings import Settings
from storage.audio import AudioStore
from storage.jobs.notifications import Notifications
from storage.postgres.database import Database


@dataclass(frozen=True)
class AppContext:
    """Made once in each process that serves requests."""

    settings: Settings
    database: Database
    store: AudioStore
    notifications: Notifications
    recordings: Recordings
    transcriptions: Transcriptions
    encodings: Encodings
    live: LiveConversations
    worker: Worker
    webhooks: Webhooks
    policies: Policies
    models: Models
    speakers: SpeakerService
    editor: TranscriptEditor
    accounts: Accounts
    logins: Logins
    openid: OpenIDLogin
    authentication: Authentication
    erasure: Erasure
    retention: Retention
    stage_status: Callable[[], Awaitable[StageStatus]]

    @classmethod
    @asynccontextmanager
    async def create(
        cls,
        settings: Settings,
        url: str,
        stages: Stages[Any],
        stage_status: Callable[[], Awaitable[StageStatus]],
        *,
        urgent_stages: Stages[Any] | None = None,
        runtime: Runtime = IN_PROCESS,
    ) -> AsyncIterator["AppContext"]:
        """Connect to the migrated database at `url` until the block ends.

        `urgent_stages` are the same stages for calls that a person who speaks waits for.
        """
        database = Database(url)
        store = AudioStore(settings.audio_url or str(settings.data_path / "audio"))
        await asyncio.to_thread(store.close_to_others)
        policies, models = Policies(settings, database, stage_status), Models(settings, stage_status)
        async with Notifications(url, database) as notifications:
            recordings = Recordings(settings, stages, database, store, notifications, runtime)
            live_stages = urgent_stages or stages
            live = LiveConversations(
                settings, live_stages, stages, database, store, policies, runtime.share, recordings.memory, models
            )
            worker = Worker(recordings, notifications, policies, runtime)
            webhooks = Webhooks(settings, database, runtime)
            hasher = PasswordHasher()
            logins = Logins(settings, database, hasher)
            cleanup = Cleanup(database, store)
            encodings = Encodings(store)
            try:
                yield cls(
                    settings=settings,
                    database=database,
                    store=store,
                    notifications=notifications,
                    recordings=recordings,
                    transcriptions=Transcriptions(recordings, policies, runtime),
                    encodings=encodings,
                    live=live,
                    worker=worker,
                    webhooks=webhooks,
                    policies=policies,
                    models=models,
                    editor=TranscriptEditor(recordings, live_stages, policies),
                    speakers=SpeakerService(recordings, live_stages, policies),
                    accounts=Accounts(database, hasher),
                    logins=logins,
                    openid=OpenIDLogin(settings, database, logins),
                    authentication=Authentication(database),
                    erasure=Erasure(database, cleanup, live),
                    retention=Retention(settings, database, cleanup, runtime),
                    stage_status=stage_status,
                )
            finally:
                await live.close()
                await encodings.close()
                recordings.close()
                await database.dispose()

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Work on jobs, webhooks, abandoned live conversations and what is too old until the block ends."""
        self.live.recover()
        self.worker.start()
        self.webhooks.start()
        self.retention.start()
        try:
            yield
        finally:
            await self.worker.close()
            await self.webhooks.close()
            await self.retention.close()

    async def drain(self) -> None:
        """Return jobs to the queue and release requests that wait for one, before the program stops."""
        self.recordings.stopping.set()
        await self.worker.close()
