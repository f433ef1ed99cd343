"""Migrations leave the version that runs beside them at work: expand, then contract (CONTRIBUTING.md)."""

import pytest
from alembic.script import Script, ScriptDirectory
from sqlalchemy import Connection, text

from storage.postgres import compatibility
from storage.postgres.database import DatabaseError, alembic_config, migrate, unpooled
from tests.storage import expansion
from tests.storage.revisions import upgrade


def scripts(connection: Connection) -> list[Script]:
    """All migrations, from the oldest."""
    return list(ScriptDirectory.from_config(alembic_config(connection)).walk_revisions())[::-1]


def check_each(connection: Connection) -> None:
    chain = scripts(connection)
    revisions = [script.revision for script in chain]
    start = revisions.index(compatibility.FIRST)
    upgrade(connection, compatibility.FIRST)
    before = expansion.read(connection)
    for script in chain[start + 1 :]:
        upgrade(connection, script.revision)
        after = expansion.read(connection)
        oldest = getattr(script.module, "oldest_program", None)
        if oldest is None:
            faults = expansion.faults(before, after, frozenset(getattr(script.module, "widened", ())))
            rule = "expand first, or name the `oldest_program` that can use it: CONTRIBUTING.md, Add a migration"
            assert not faults, f"migration {script.revision}: {'; '.join(faults)}; {rule}"
        else:
            assert oldest in revisions[start:]
        before = after


async def test_each_migration_leaves_earlier_programs_at_work_or_says_which(empty_database_url: str) -> None:
    engine = unpooled(empty_database_url)
    async with engine.begin() as connection:
        await connection.run_sync(check_each)
    await engine.dispose()


CONTRACTING = {
    "DROP TABLE labels CASCADE": "labels is gone",
    "ALTER TABLE jobs DROP COLUMN started_at": "jobs.started_at is gone",
    "ALTER TABLE jobs RENAME COLUMN started_at TO begun_at": "jobs.started_at is gone",
    "ALTER TABLE jobs ALTER COLUMN attempts TYPE bigint": "jobs.attempts was integer and is bigint",
    "ALTER TABLE jobs ALTER COLUMN started_at SET NOT NULL": "jobs.started_at may not be null any more",
    "ALTER TABLE jobs ALTER COLUMN attempts DROP DEFAULT": "jobs.attempts has no default any more",
    "ALTER TABLE jobs ADD COLUMN owner text NOT NULL": "jobs.owner is new and required, and has no default",
    "ALTER TABLE jobs ADD CONSTRAINT ck_short CHECK (length(error) < 10)": "ck_short is new or has changed",
    "CREATE UNIQUE INDEX one_title ON conversations (title)": "one_title is new or has changed",
    "ALTER TABLE pending_removals DROP CONSTRAINT uq_pending_removals_key": "uq_pending_removals_key is gone",
    "DROP FUNCTION send_changes CASCADE": "send_changes(text,text,bigint[]) is gone",
    "DROP SEQUENCE unknown_speaker_number": "unknown_speaker_number is gone",
}
EXPANDING = (
    "CREATE TABLE later (id bigint PRIMARY KEY, job integer NOT NULL REFERENCES jobs)",
    "ALTER TABLE jobs ADD COLUMN owner text",
    "ALTER TABLE jobs ADD COLUMN tries integer NOT NULL DEFAULT 0 CHECK (tries >= 0)",
    "CREATE INDEX by_title ON conversations (title)",
    "ALTER TABLE jobs ALTER COLUMN state DROP NOT NULL",
    "ALTER TABLE pending_removals DROP CONSTRAINT ck_pending_removals_kind",
    (
        "ALTER TABLE pending_removals DROP CONSTRAINT uq_pending_removals_key, "
        "ADD CONSTRAINT uq_pending_removals_key UNIQUE (key) INCLUDE (kind)"
    ),
)


async def found_in(url: str, statement: str) -> list[str]:
    """The faults of a statement, which is rolled back."""
    engine = unpooled(url)
    async with engine.connect() as connection:
        before = await connection.run_sync(expansion.read)
        await connection.execute(text(statement))
        after = await connection.run_sync(expansion.read)
    await engine.dispose()
    return expansion.faults(before, after)


async def test_what_takes_from_earlier_programs_is_found(empty_database_url: str) -> None:
    await migrate(empty_database_url)
    for statement, fault in CONTRACTING.items():
        assert any(fault in found for found in await found_in(empty_database_url, statement)), statement
    for statement in EXPANDING:
        assert await found_in(empty_database_url, statement) == [], statement


async def test_a_widened_constraint_is_no_fault_where_the_migration_says_so(empty_database_url: str) -> None:
    await migrate(empty_database_url)
    name = "ck_pending_removals_kind"
    statement = (
        f"ALTER TABLE pending_removals DROP CONSTRAINT {name}, ADD CONSTRAINT {name} CHECK (kind IN ('file', 'space', 'more'))"
    )
    engine = unpooled(empty_database_url)
    async with engine.connect() as connection:
        before = await connection.run_sync(expansion.read)
        await connection.execute(text(statement))
        after = await connection.run_sync(expansion.read)
    await engine.dispose()
    assert expansion.faults(before, after) == [f"{name} is new or has changed, and earlier columns must meet it"]
    assert expansion.faults(before, after, frozenset({name})) == []


async def write(url: str, *statements: str) -> None:
    engine = unpooled(url)
    async with engine.begin() as connection:
        for statement in statements:
            await connection.execute(text(statement))
    await engine.dispose()


async def test_a_program_starts_on_the_expanded_schema_of_a_newer_one_and_not_on_a_contracted_one(
    empty_database_url: str,
) -> None:
    await migrate(empty_database_url)
    newer = "UPDATE alembic_version SET version_num = '9999'"
    await write(empty_database_url, newer, "ALTER TABLE jobs ADD COLUMN of_the_newer text")
    await migrate(empty_database_url)
    await write(empty_database_url, "COMMENT ON TABLE alembic_version IS 'oldest program: 9998'")
    with pytest.raises(DatabaseError, match="newer Vivavoce: update this one"):
        await migrate(empty_database_url)
