"""A removal of space goes on where its client leaves, and ends with the program."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from services.erasure.cleanup import Cleanup
from services.runtime import IN_PROCESS
from settings import Settings
from storage.audio import AudioStore
from storage.erasure import pending, space
from storage.postgres.database import Database
from storage.search import vector_index
from tests.storage.archive import add_talk
from tests.storage.transcripts import MODEL
from tests.storage.waiting import await_lock_waiter
from tests.support.application import answering, connected, no_stages

INDEX = vector_index.name_of(MODEL, 16)
TIMEOUT_S = 120.0


@pytest.fixture
async def cleanup(database: Database, tmp_path: Path) -> AsyncIterator[Cleanup]:
    cleanup = Cleanup(database, AudioStore(str(tmp_path)), IN_PROCESS)
    yield cleanup
    await cleanup.close()


@pytest.fixture(autouse=True)
async def _archive(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(space, "LOCK_TIMEOUT_S", 600.0)
    async with database.session() as session:
        await vector_index.ensure(session, MODEL, 16)


@asynccontextmanager
async def in_use(database: Database, table: str, mode: str) -> AsyncIterator[None]:
    async with database.engine.connect() as user:
        await user.execute(text(f"LOCK TABLE {table} IN {mode} MODE"))
        yield


async def until_blocked(database: Database) -> None:
    async with database.session() as watcher:
        await await_lock_waiter(watcher)


async def is_valid(database: Database) -> bool | None:
    async with database.session() as session:
        found: bool | None = await session.scalar(vector_index.IS_VALID, {"name": INDEX})
    return found


async def is_pending(database: Database) -> bool:
    async with database.session() as session:
        return await pending.last_space(session) is not None


async def test_a_client_that_leaves_does_not_break_it_off(database: Database, database_url: str, tmp_path: Path) -> None:
    async with database.session() as session:
        talk = await add_talk(session, [None], 1)
    async with (
        connected(Settings(), database_url, tmp_path, no_stages(), MODEL) as context,
        answering(context) as application,
    ):
        async with in_use(database, "segments", "ACCESS SHARE"):
            request = asyncio.create_task(application.client.post(f"/conversations/{talk}/erase"))
            await until_blocked(database)
            request.cancel()
            await asyncio.gather(request, return_exceptions=True)
            assert request.cancelled()
            assert await is_pending(database)
        async with asyncio.timeout(TIMEOUT_S):
            while await is_pending(database):  # noqa: ASYNC110  # PostgreSQL sends no event for it
                await asyncio.sleep(0.02)
    assert await is_valid(database) is True


async def test_it_ends_with_the_program_and_builds_the_indexes_before(database: Database, cleanup: Cleanup) -> None:
    async with database.session() as session:
        await pending.add_space(session)
    async with in_use(database, "segments", "ACCESS SHARE"):
        removal = asyncio.create_task(cleanup.remove_all())
        await until_blocked(database)
        await cleanup.close()
        with pytest.raises(asyncio.CancelledError):
            await removal
    assert await is_valid(database) is True
    assert await is_pending(database)


async def test_the_end_of_the_program_does_not_wait_for_large_indexes(
    database: Database, cleanup: Cleanup, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process removes their vectors, so that they cannot be built."""
    monkeypatch.setattr("services.erasure.cleanup.CLOSE_TIMEOUT_S", 0.1)
    async with database.session() as session:
        await pending.add_space(session)
    async with in_use(database, "segment_vectors", "ROW EXCLUSIVE"):
        removal = asyncio.create_task(cleanup.remove_all())
        await until_blocked(database)
        async with asyncio.timeout(TIMEOUT_S):
            await cleanup.close()
        with pytest.raises(asyncio.CancelledError):
            await removal
    assert await is_pending(database)


async def test_its_error_is_logged_where_nobody_waits_for_it(
    database: Database, cleanup: Cleanup, caplog: pytest.LogCaptureFixture
) -> None:
    async with in_use(database, "pending_removals", "ACCESS EXCLUSIVE"):
        removal = asyncio.create_task(cleanup.remove_all())
        await until_blocked(database)
        removal.cancel()
        await asyncio.gather(removal, return_exceptions=True)
        async with database.session() as session:
            await session.execute(text("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE NOT granted"))
        async with asyncio.timeout(TIMEOUT_S):
            while "could not be removed; this is tried again" not in caplog.text:  # noqa: ASYNC110  # logging sends no event
                await asyncio.sleep(0.02)
