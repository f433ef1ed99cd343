"""Reading tables ahead, on a real PostgreSQL."""

import pytest
from sqlalchemy import select, text

from storage.postgres import page_cache
from storage.postgres.database import Database
from storage.postgres.page_cache import read_ahead
from storage.tables import SegmentRow
from tests.storage.archive import add_talk

SIZES = text(
    "SELECT pg_relation_size('segments') AS rows, sum(pg_relation_size(indexrelid)) AS indexes "
    "FROM pg_index WHERE indrelid = 'segments'::regclass"
)


@pytest.fixture
async def filled(database: Database) -> Database:
    """A table of several pages. What is written is in its file only after a checkpoint."""
    async with database.session() as session:
        await add_talk(session, [None], 300)
    async with database.autocommit() as connection:
        await connection.execute(text("CHECKPOINT"))
    return database


async def test_a_table_is_read_with_its_indexes(filled: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_cache, "AT_ONCE", 2**14)
    async with filled.session() as session:
        rows, indexes = (await session.execute(SIZES)).one()
        assert await read_ahead(session, ["segments"]) == rows + indexes > 2**14
        assert await session.scalar(select(SegmentRow.id).limit(1))


async def test_no_more_is_read_than_there_is_memory_for(filled: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    async with filled.session() as session:
        rows, indexes = (await session.execute(SIZES)).one()
        buffers = await session.scalar(text("SELECT pg_size_bytes(current_setting('shared_buffers'))"))
        monkeypatch.setattr(page_cache, "BUFFERS", (rows + indexes - 1) / buffers)
        assert await read_ahead(session, ["segments"]) == indexes


async def test_a_role_that_may_not_read_files_reads_nothing(filled: Database) -> None:
    async with filled.session() as session:
        await session.execute(text("SET LOCAL ROLE pg_database_owner"))
        assert await read_ahead(session, ["segments"]) == 0
