"""Watching a conversation: notifications arrive, also after the listener's connection was lost or failed."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from asyncpg import Connection, InterfaceError, InternalClientError, PostgresConnectionError
from sqlalchemy import text

from storage.conversations import conversations
from storage.conversations.conversations import Progress
from storage.events import notifications as listening
from storage.events.notifications import Notifications
from storage.postgres.database import Database

SOON = 120.0  # seconds; long, so that a busy machine fails no test


@pytest.fixture(autouse=True)
def _no_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only notifications wake a watcher."""
    monkeypatch.setattr(listening, "CHECK_INTERVAL_S", 2 * SOON)


@pytest.fixture
async def notifications(database: Database, database_url: str) -> AsyncIterator[Notifications]:
    async with Notifications(database_url, database) as notifications:
        yield notifications


async def listeners(database: Database) -> list[int]:
    query = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"
    async with database.session() as session:
        return list(await session.scalars(text(query)))


async def until_listening(database: Database, former: Sequence[int] = ()) -> list[int]:
    """The processes of the server that have a listening connection, once there is one that is not `former`."""
    async with asyncio.timeout(SOON):
        while True:
            if pids := [pid for pid in await listeners(database) if pid not in former]:
                return pids
            await asyncio.sleep(0.02)


async def create(database: Database) -> int:
    async with database.session() as session:
        return await conversations.create(session, None, None, "wav")


async def advance(database: Database, conversation_id: int, fraction: float) -> None:
    async with database.session() as session:
        await conversations.set_progress(session, conversation_id, "transcribing", fraction)


async def following(watch: AsyncIterator[Progress]) -> Progress:
    async with asyncio.timeout(SOON):
        return await anext(watch)


async def test_every_watcher_hears_of_its_conversation_until_the_end(database: Database, notifications: Notifications) -> None:
    ids = [await create(database), await create(database)]
    pids = await until_listening(database)
    watches = [notifications.watch(ids[0]), notifications.watch(ids[0]), notifications.watch(ids[1])]
    for watch in watches:
        assert (await following(watch)).progress == 0.0
    for fraction in (0.25, 0.5):
        await advance(database, ids[0], fraction)
        assert [(await following(watch)).progress for watch in watches[:2]] == [fraction, fraction]
    await advance(database, ids[1], 0.125)
    assert await following(watches[2]) == Progress(ids[1], "processing", "transcribing", 0.125, None)

    async with database.session() as session:
        await conversations.fail(session, ids[0], "No.")
    for watch in watches[:2]:
        assert (await following(watch)).status == "failed"
        with pytest.raises(StopAsyncIteration):
            await following(watch)
    assert await listeners(database) == pids
    assert len(pids) == 1


async def test_a_finished_conversation_is_told_at_once_and_a_missing_one_not_at_all(
    database: Database, notifications: Notifications
) -> None:
    id_ = await create(database)
    async with database.session() as session:
        await conversations.fail(session, id_, "No.")
    async with asyncio.timeout(SOON):
        assert [progress.status async for progress in notifications.watch(id_)] == ["failed"]
        assert [progress async for progress in notifications.watch(12345)] == []


async def test_what_is_rolled_back_is_not_told(database: Database, notifications: Notifications) -> None:
    id_ = await create(database)
    await until_listening(database)
    watch = notifications.watch(id_)
    await following(watch)

    async def fails() -> None:
        async with database.session() as session:
            await conversations.set_progress(session, id_, "transcribing", 0.9)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fails()
    await advance(database, id_, 0.25)
    assert (await following(watch)).progress == 0.25


async def test_the_listener_reconnects_and_catches_up(database: Database, notifications: Notifications) -> None:
    id_ = await create(database)
    (pid,) = await until_listening(database)
    watch = notifications.watch(id_)
    await following(watch)
    async with database.session() as session:
        await session.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
    await advance(database, id_, 0.5)  # while there is no listener
    assert (await following(watch)).progress == 0.5
    await until_listening(database)
    await advance(database, id_, 0.75)
    assert (await following(watch)).progress == 0.75


@pytest.mark.parametrize("error", [InterfaceError, InternalClientError, PostgresConnectionError, OSError, TimeoutError])
async def test_the_listener_reconnects_after_a_check_that_failed(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    execute, former = Connection.execute, list[int]()

    async def fails_once(self: Connection, query: str, *args: object, timeout: float | None = None) -> str:  # noqa: ASYNC109
        if query == "SELECT 1" and not former:
            former.append(self.get_server_pid())
            monkeypatch.setattr(listening, "CHECK_INTERVAL_S", 2 * SOON)  # from now on only notifications wake the watcher
            raise error("The connection is in no usable state.")
        status: str = await execute(self, query, *args, timeout=timeout)
        return status

    monkeypatch.setattr(Connection, "execute", fails_once)
    monkeypatch.setattr(listening, "CHECK_INTERVAL_S", 0.2)
    id_ = await create(database)
    async with Notifications(database_url, database) as notifications:
        async with asyncio.timeout(SOON):
            while not former:  # noqa: ASYNC110  # it has no event to wait for
                await asyncio.sleep(0.02)
        await until_listening(database, former)
        watch = notifications.watch(id_)
        await following(watch)
        await advance(database, id_, 0.5)
        assert (await following(watch)).progress == 0.5
