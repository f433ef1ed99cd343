"""Which tables are rewritten after an erasure, and what stays in their files without that."""

import asyncio
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import delete, func, insert, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from storage.erasure import pending, space
from storage.postgres.database import Database
from storage.postgres.embedded import EmbeddedPostgres
from storage.search import vector_index
from storage.tables import Base, PendingRemoval, SegmentRow, SegmentVector, Speaker
from tests.storage.archive import add_talk
from tests.storage.transcripts import voice
from tests.storage.waiting import await_lock_waiter
from tests.support import traces

MODEL = "it's:a model"
UNFINISHED = text("UPDATE pg_index SET indisvalid = false WHERE indexrelid = to_regclass(:name)")
WITHOUT_NAMES_AND_VECTORS = {
    *("voice_settings", "reference_changes", "voices", "distinct_speakers", "pending_removals"),
    "summary_templates",
    *("people", "api_keys", "login_sessions", "tickets", "usage", "audit_log"),  # accounts are no speakers
}


def test_every_table_is_rewritten_or_has_nothing_to_erase() -> None:
    others = set(Base.metadata.tables) - set(space.REWRITTEN)
    assert others == WITHOUT_NAMES_AND_VECTORS
    assert len(set(space.REWRITTEN)) == len(space.REWRITTEN)


async def test_deleted_rows_stay_in_the_files_until_the_space_is_removed(database: Database) -> None:
    directory, forms = await data_directory(database), traces.name_forms("Zyxwvutsrq")
    async with database.session() as session:
        await session.execute(insert(Speaker), [{"name": f"Zyxwvutsrq {number}"} for number in range(5)])
    await traces.checkpoint(database)
    async with database.session() as session:
        await session.execute(delete(Speaker))
    await run(database, "VACUUM ANALYZE speakers")
    left = await traces.relations_with(database, directory, forms)
    assert {"uq_speakers_name_key", "pg_statistic"} <= left
    await space.remove(database)  # it was not requested
    assert await traces.relations_with(database, directory, forms) == left
    async with database.session() as session:
        await pending.add_space(session)
    await space.remove(database)
    assert await traces.relations_with(database, directory, forms, analyze=False) == set()
    async with database.session() as session:
        assert await pending.last_space(session) is None


async def index_is_valid(session: AsyncSession) -> bool | None:
    valid = text("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:name)")
    found: bool | None = await session.scalar(valid, {"name": vector_index.name_of(MODEL, 16)})
    return found


async def test_indexes_of_vectors_are_built_again(database: Database) -> None:
    async with database.session() as session:
        await vector_index.ensure(session, MODEL, 16)
        await pending.add_space(session)
    await space.remove(database)
    async with database.session() as session:
        assert await index_is_valid(session) is True


@pytest.mark.parametrize("cancelled", [True, False], ids=["by its task", "by the end of its connection"])
async def test_indexes_of_vectors_are_built_again_where_the_removal_is_broken_off(
    database: Database, monkeypatch: pytest.MonkeyPatch, cancelled: bool
) -> None:
    monkeypatch.setattr(space, "LOCK_TIMEOUT_S", 600.0)
    async with database.session() as session:
        await vector_index.ensure(session, MODEL, 16)
        await pending.add_space(session)
    async with database.engine.connect() as other:
        await other.execute(text("LOCK TABLE segments IN ACCESS SHARE MODE"))
        removal = asyncio.create_task(space.remove(database))
        async with database.session() as watcher:
            await await_lock_waiter(watcher)
            assert await index_is_valid(watcher) is None
            if not cancelled:
                await watcher.execute(text("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE NOT granted"))
        if cancelled:
            removal.cancel()
        with pytest.raises(asyncio.CancelledError if cancelled else DBAPIError):
            await removal
    async with database.session() as session:
        assert await index_is_valid(session) is True
        assert await pending.last_space(session) is not None
    await space.remove(database)
    async with database.session() as session:
        assert await index_is_valid(session) is True
        assert await pending.last_space(session) is None


@pytest.mark.parametrize("unfinished", [True, False])
async def test_an_index_that_a_killed_process_left_out_is_built_again(database: Database, unfinished: bool) -> None:
    name = vector_index.name_of(MODEL, 16)
    async with database.session() as session:
        await vector_index.ensure(session, MODEL, 16)
        talk = await add_talk(session, [None], 1)
        segment = await session.scalar(select(SegmentRow.id).where(SegmentRow.conversation_id == talk))
        session.add(SegmentVector(segment_id=segment, model=MODEL, vector=voice(1, 16)))
    async with database.session() as session:
        if unfinished:
            await session.execute(UNFINISHED, {"name": name})
        else:
            await vector_index.drop(session, name)
    async with database.session() as building:
        await building.execute(select(func.pg_advisory_xact_lock(vector_index.REBUILD_LOCK)))
        await vector_index.restore(database, MODEL, 16)
        assert await index_is_valid(building) is (False if unfinished else None)  # the other process is at work on it
    await vector_index.restore(database, MODEL, 16)
    async with database.session() as session:
        assert await index_is_valid(session) is True


async def test_a_removal_gives_way_to_a_process_that_builds_an_index(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vector_index, "BUSY_TIMEOUT_S", 0.0)
    async with database.session() as session:
        await pending.add_space(session)
    async with database.autocommit() as building:
        await building.execute(select(func.pg_advisory_lock(vector_index.REBUILD_LOCK)))
        with pytest.raises(space.SpaceBusyError, match="builds the indexes"):
            await space.remove(database)
    await space.remove(database)
    async with database.session() as session:
        assert await pending.last_space(session) is None


async def test_an_index_that_was_left_unfinished_is_built_again(database: Database) -> None:
    async with database.session() as session:
        await vector_index.ensure(session, MODEL, 16)
        await session.execute(UNFINISHED, {"name": vector_index.name_of(MODEL, 16)})
    async with database.session() as building:
        await building.execute(select(func.pg_advisory_xact_lock(vector_index.REBUILD_LOCK)))
        async with database.session() as session:
            await vector_index.ensure(session, MODEL, 16)
            assert await index_is_valid(session) is False  # the other process is at work on it
    async with database.session() as session:
        await vector_index.ensure(session, MODEL, 16)
        assert await index_is_valid(session) is True


async def test_a_table_in_use_delays_it(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(space, "LOCK_TIMEOUT_S", 0.1)
    async with database.session() as session:
        await session.execute(insert(PendingRemoval).values(kind="space"))
    async with database.engine.connect() as other:
        await other.execute(text("LOCK TABLE segments IN ACCESS SHARE MODE"))
        with pytest.raises(space.SpaceBusyError):
            await space.remove(database)
    async with database.session() as session:
        assert await pending.last_space(session) is not None
    monkeypatch.undo()
    await space.remove(database)
    async with database.session() as session:
        assert await pending.last_space(session) is None


async def test_removals_at_the_same_time_do_not_wait_for_each_other(database: Database) -> None:
    """Neither has a snapshot while it waits for the lock."""
    async with database.session() as session:
        await pending.add_space(session)
    await asyncio.gather(space.remove(database), space.remove(database))
    async with database.session() as session:
        assert await pending.last_space(session) is None


async def test_the_log_of_the_embedded_server_has_no_values(open_directory: Path) -> None:
    """A violated constraint reports the values of the row in its details."""
    with EmbeddedPostgres(open_directory / "postgres") as url:
        connection = await asyncpg.connect(url.replace("+asyncpg", ""))
        await connection.execute("CREATE TABLE names (name text UNIQUE)")
        insertion = "INSERT INTO names VALUES ($1)"
        await connection.execute(insertion, "Zyxwvutsrq")
        with pytest.raises(asyncpg.UniqueViolationError, match="duplicate key"):
            await connection.execute(insertion, "Zyxwvutsrq")
        await connection.close()
    log = (open_directory / "postgres" / "postgres.log").read_text()
    assert "duplicate key" in log
    assert "Zyxwvutsrq" not in log


async def data_directory(database: Database) -> Path:
    async with database.session() as session:
        return Path((await session.execute(text("SHOW data_directory"))).scalar_one())


async def run(database: Database, statement: str) -> None:
    async with database.engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(text(statement))
