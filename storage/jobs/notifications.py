"""News of conversations and of work: one listening connection for the whole process, however many clients watch."""

import asyncio
import json
import logging
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Self

from asyncpg import Connection, PostgresError
from sqlalchemy.exc import SQLAlchemyError

from storage.conversations import conversations
from storage.conversations.conversations import CHANNEL, Progress
from storage.jobs import jobs
from storage.postgres.database import Database, unpooled

RECONNECT = 0.5  # seconds between attempts
CHECK = 15.0
"""Seconds of silence after which a watcher asks the database itself: news is lost while the listener is away."""
PATIENCE = 300.0
"""Seconds that a watcher who has been told something waits for a database that is away."""

logger = logging.getLogger(__name__)


class _Watcher:
    """Holds the latest news only: a client that reads slowly skips, and nothing piles up."""

    def __init__(self) -> None:
        self.latest: Progress | None = None
        self.news = asyncio.Event()

    def tell(self, progress: Progress | None) -> None:
        """None: there may have been news, ask the database."""
        self.latest = progress
        self.news.set()


class Notifications:
    """Use as `async with`; it listens until the block ends, and reconnects by itself."""

    def __init__(self, url: str, database: Database) -> None:
        self._engine = unpooled(url)
        self._database = database
        self._watchers: defaultdict[int, set[_Watcher]] = defaultdict(set)
        self.work = asyncio.Event()
        """Set when there may be work (`storage.jobs.jobs`); whoever looks for it clears it first."""

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._listen())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        await self._engine.dispose()

    async def watch(self, conversation_id: int) -> AsyncIterator[Progress]:
        """The conversation's progress now and at every change until it is finished; nothing where there is no conversation.

        A database that is away raises at first; later on it is waited for.
        """
        watcher = _Watcher()
        self._watchers[conversation_id].add(watcher)
        said: Progress | None = None
        try:
            while True:
                watcher.news.clear()
                progress = watcher.latest or await self._read(conversation_id, patience=PATIENCE if said else 0.0)
                watcher.latest = None
                if progress is None:
                    return
                if progress != said:
                    yield (said := progress)
                if progress.finished:
                    return
                with suppress(TimeoutError):  # `wait_for` would lose a cancellation that comes with the news, until Python 3.12
                    async with asyncio.timeout(CHECK):
                        await watcher.news.wait()
        finally:
            self._watchers[conversation_id].discard(watcher)
            if not self._watchers[conversation_id]:
                del self._watchers[conversation_id]

    async def _read(self, conversation_id: int, patience: float) -> Progress | None:
        return await self._database.persist(lambda session: conversations.progress(session, conversation_id), patience)

    async def _listen(self) -> None:
        while True:
            try:
                async with self._engine.connect() as connection:
                    raw: Connection | None = (await connection.get_raw_connection()).driver_connection
                    assert raw is not None
                    lost = asyncio.Event()
                    raw.add_termination_listener(lambda _, lost=lost: lost.set())
                    await raw.add_listener(CHANNEL, self._hear)
                    await raw.add_listener(jobs.CHANNEL, lambda *_: self.work.set())
                    self.work.set()
                    for watcher in {watcher for watchers in self._watchers.values() for watcher in watchers}:
                        watcher.tell(None)
                    await self._until_lost(raw, lost)
            except (OSError, SQLAlchemyError, PostgresError) as error:
                logger.warning("The connection that listens for progress was lost and will be opened again: %s", error)
            await asyncio.sleep(RECONNECT)

    async def _until_lost(self, raw: Connection, lost: asyncio.Event) -> None:
        while not lost.is_set():
            try:
                async with asyncio.timeout(CHECK):
                    await lost.wait()
            except TimeoutError:
                await raw.execute("SELECT 1", timeout=CHECK)  # a network that went away says nothing by itself

    def _hear(self, _connection: object, _pid: int, _channel: str, payload: str) -> None:
        news = json.loads(payload)
        for watcher in self._watchers.get(news["id"], ()):
            watcher.tell(Progress(**news))
