"""Erase conversations, and remove recordings, that are older than `RETENTION_TRANSCRIPT_DAYS` and `RETENTION_AUDIO_DAYS`.

The same task repeats what an erasure could not remove: recordings in a store that did not answer, and space of deleted rows.
"""

import asyncio
import logging

from services.erasure import conversations
from services.erasure.cleanup import Cleanup
from services.runtime import Runtime
from settings import Settings
from storage.access import audit
from storage.erasure import pending, retention
from storage.postgres.database import Database
from storage.speakers import references, speakers

logger = logging.getLogger("ray.serve")

INTERVAL_S = 60.0
BATCH = 20
"""Conversations erased in one transaction, during which no other process changes speakers."""
PRINCIPAL = "retention"
"""As the audit log names this task."""


class Retention:
    """Works from `start` until `close`; one replica at a time does the work."""

    def __init__(self, settings: Settings, database: Database, cleanup: Cleanup, runtime: Runtime) -> None:
        self._audio_days = settings.retention_audio_days
        self._transcript_days = settings.retention_transcript_days
        self._database = database
        self._cleanup = cleanup
        self._runtime = runtime

    def start(self) -> None:
        self._task = asyncio.create_task(self._repeat(), context=self._runtime.detached(""))

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def remove_old(self) -> None:
        """Remove what is too old, unless another replica does, and what former erasures left."""
        async with self._database.session() as guard:
            if await retention.lock(guard):  # until the end of the block
                await self._erase_conversations()
                await self._remove_recordings()
                await references.forget_old(guard)
        await self._cleanup.remove_all()
        await self._cleanup.remove_drafts()

    async def _repeat(self) -> None:
        while True:
            try:
                await self.remove_old()
            except Exception as error:  # the database is down; what is old is still there when it is back
                logger.warning("Old conversations and recordings could not be removed; this is tried again: %s", error)
            await asyncio.sleep(INTERVAL_S)

    async def _erase_conversations(self) -> None:
        while self._transcript_days is not None:
            async with self._database.session() as session:
                await speakers.lock(session)
                ids = await retention.old_conversations(session, self._transcript_days, BATCH)
                if not ids:
                    return
                await conversations.remove(session, ids, active=False)
                await pending.add_space(session)
                for id_ in ids:
                    await audit.add(session, PRINCIPAL, "conversation.erase", f"conversation:{id_}")

    async def _remove_recordings(self) -> None:
        while self._audio_days is not None:
            async with self._database.session() as session:
                ids = await retention.remove_recordings(session, self._audio_days, BATCH)
                for id_ in ids:
                    await audit.add(session, PRINCIPAL, "recording.erase", f"conversation:{id_}")
            if not ids:
                return
