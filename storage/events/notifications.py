"""Notifications of progress and of new jobs, over one listening connection of the process for all watchers."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Self

from asyncpg import Connection, InterfaceError, InternalClientError, PostgresError
from pydantic import TypeAdapter, ValidationError
from sqlalchemy.exc import SQLAlchemyError

from storage.conversations import conversations
from storage.conversations.conversations import CHANNEL, Progress
from storage.events import changes
from storage.events.changes import Change
from storage.jobs import jobs
from storage.postgres.database import Database, unpooled
from storage.search import pending_vectors

RECONNECT_DELAY_S = 0.5
CHECK_INTERVAL_S = 15.0
"""Time without notifications after which a watcher reads the database: notifications are lost while the listener reconnects."""
DATABASE_TIMEOUT_S = 300.0
"""How long a watcher waits for a database that is down, once it has received a first progress."""

_PROGRESS = TypeAdapter(Progress)

logger = logging.getLogger(__name__)


class _Watcher:
    """Holds the latest progress only: a slow client skips the others, and no queue grows."""

    def __init__(self) -> None:
        self.latest: Progress | None = None
        self.changed = asyncio.Event()

    def notify(self, progress: Progress | None) -> None:
        """None where the progress may have changed and must be read from the database."""
        self.latest = progress
        self.changed.set()


class Notifications:
    """An asynchronous context manager: listens until the block ends, and reconnects by itself."""

    def __init__(self, url: str, database: Database) -> None:
        self._engine = unpooled(url)
        self._database = database
        self._watchers: defaultdict[int, set[_Watcher]] = defaultdict(set)
        self.work = asyncio.Event()
        """Set when a job may be ready (`storage.jobs.jobs`); clear it before reading the queue."""
        self.texts = asyncio.Event()
        """Set when a segment may wait for its vector; clear it before reading that queue."""
        self.on_change: Callable[[Change | None], None] = lambda _: None
        """Called for each notification about changed rows, and with None where some may be unknown."""

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

        Where the database is down, the first read raises and later ones wait for it.
        """
        watcher = _Watcher()
        self._watchers[conversation_id].add(watcher)
        sent: Progress | None = None
        try:
            while True:
                watcher.changed.clear()
                progress = watcher.latest or await self._read(conversation_id, timeout_s=DATABASE_TIMEOUT_S if sent else 0.0)
                watcher.latest = None
                if progress is None:
                    return
                if progress != sent:
                    yield (sent := progress)
                if progress.finished:
                    return
                # `wait_for` loses a cancellation that comes together with the notification, until Python 3.12.
                with suppress(TimeoutError):
                    async with asyncio.timeout(CHECK_INTERVAL_S):
                        await watcher.changed.wait()
        finally:
            self._watchers[conversation_id].discard(watcher)
            if not self._watchers[conversation_id]:
                del self._watchers[conversation_id]

    async def _read(self, conversation_id: int, timeout_s: float) -> Progress | None:
        return await self._database.persist(lambda session: conversations.progress(session, conversation_id), timeout_s)

    async def _listen(self) -> None:
        while True:
            try:
                async with self._engine.connect() as connection:
                    raw: Connection | None = (await connection.get_raw_connection()).driver_connection
                    assert raw is not None
                    lost = asyncio.Event()
                    raw.add_termination_listener(lambda _, lost=lost: lost.set())
                    await raw.add_listener(CHANNEL, self._on_progress)
                    await raw.add_listener(jobs.CHANNEL, lambda *_: self.work.set())
                    await raw.add_listener(pending_vectors.CHANNEL, lambda *_: self.texts.set())
                    await raw.add_listener(changes.CHANNEL, self._on_change)
                    self.work.set()
                    self.texts.set()
                    self.on_change(None)
                    for watcher in {watcher for watchers in self._watchers.values() for watcher in watchers}:
                        watcher.notify(None)
                    await self._until_lost(raw, lost)
            except (OSError, SQLAlchemyError, PostgresError, InterfaceError, InternalClientError) as error:
                logger.warning("The connection that listens for progress was lost and will be opened again: %s", error)
            await asyncio.sleep(RECONNECT_DELAY_S)

    async def _until_lost(self, raw: Connection, lost: asyncio.Event) -> None:
        while not lost.is_set():
            try:
                async with asyncio.timeout(CHECK_INTERVAL_S):
                    await lost.wait()
            except TimeoutError:
                await raw.execute("SELECT 1", timeout=CHECK_INTERVAL_S)  # a lost network does not close the connection

    def _on_change(self, _connection: object, _pid: int, _channel: str, payload: str) -> None:
        try:
            change = changes.CHANGE.validate_json(payload)
        except ValidationError:  # sent by the triggers of a newer version, while replicas are replaced
            change = None
        self.on_change(change)

    def _on_progress(self, _connection: object, _pid: int, _channel: str, payload: str) -> None:
        progress = _PROGRESS.validate_json(payload)
        for watcher in self._watchers.get(progress.id, ()):
            watcher.notify(progress)
