"""The migrations must lead to the tables that the code declares, from any number of processes at once."""

import asyncio

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text

from storage.postgres.database import DatabaseError, migrate, unpooled
from storage.tables import Base
from tests.storage.revisions import upgrade

METADATA = Base.metadata


def differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
    return list(compare_metadata(context, METADATA))


async def test_migrations_agree_with_the_tables(empty_database_url: str) -> None:
    await migrate(empty_database_url)
    engine = unpooled(empty_database_url)
    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
        checks = await connection.scalars(text("SELECT conname FROM pg_constraint WHERE contype = 'c'"))
        sequences = await connection.scalars(text("SELECT sequencename FROM pg_sequences"))
    await engine.dispose()
    # Alembic compares neither of these.
    declared = {constraint.name for table in METADATA.tables.values() for constraint in table.constraints}
    assert {name for name in declared if str(name).startswith("ck_")} <= set(checks)
    assert "unknown_speaker_number" in set(sequences)


async def test_conversations_from_before_segments_had_languages_have_their_one(empty_database_url: str) -> None:
    engine = unpooled(empty_database_url)
    async with engine.begin() as connection:
        await connection.run_sync(upgrade, "0012")
        for status, language in (("completed", "de"), ("completed", None), ("recording", "fr")):
            await connection.execute(
                text("INSERT INTO conversations (start_time, status, audio_format, language) VALUES (now(), :s, 'flac', :l)"),
                {"s": status, "l": language},
            )
    await migrate(empty_database_url)
    async with engine.connect() as connection:
        found = await connection.scalars(text("SELECT languages FROM conversations ORDER BY id"))
        assert found.all() == [["de"], [], []]
    await engine.dispose()


async def test_several_processes_may_migrate_at_once(empty_database_url: str) -> None:
    await asyncio.gather(*(migrate(empty_database_url) for _ in range(4)))
    await migrate(empty_database_url)


async def test_an_account_that_may_not_enable_pgvector_is_told_so(empty_database_url: str) -> None:
    engine = unpooled(empty_database_url)
    async with engine.begin() as connection:
        await connection.execute(text("DO $$ BEGIN CREATE ROLE plain LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$"))
    await engine.dispose()
    with pytest.raises(DatabaseError, match="CREATE EXTENSION vector"):
        await migrate(empty_database_url.replace("postgres@", "plain@"))
