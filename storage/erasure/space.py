"""Remove the bytes of deleted rows from the database's files.

PostgreSQL leaves the bytes of a deleted row in the table's file until other rows are written over them, also after VACUUM,
which only marks the space as free. The same holds for old versions of a row, for indexes, for TOAST tables, and for the
statistics, which contain common values of columns. VACUUM FULL writes tables and indexes to new files. The indexes of vectors
take minutes to build, and are built afterwards, beside other work.

VACUUM FULL blocks a table while it writes (docs/erasure.md has times), so that it runs only after an erasure. It keeps rows
that the snapshot of an older transaction may still see: hence the wait until there is none. PostgreSQL 18 has no function that
rewrites a table without blocking it.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from storage.erasure import pending
from storage.postgres.database import Database
from storage.search import vector_index

SPACE_LOCK = 0x65726173  # "eras"; the key of an advisory lock
LOCK_TIMEOUT_S = 10.0
"""How long to wait for a table that a transaction uses. All later users of the table wait behind this wait."""
SNAPSHOT_TIMEOUT_S = 10.0
"""How long to wait for transactions that began before the erasure, such as a backup."""
TURN_TIMEOUT_S = 300.0
"""How long to wait while another process removes space."""
POLL_INTERVAL_S = 0.05
LOCK_NOT_AVAILABLE = "55P03"

REWRITTEN = (
    *("speakers", "voiceprints", "emotion_profiles", "identity_changes", "backups"),
    *("conversations", "participants", "segments", "turns", "labels", "conversation_shares"),
    "conversation_tags",
    *("original_segments", "transcript_changes"),
    *("segment_vectors", "segments_to_embed"),
    *("jobs", "job_stages", "summaries", "vocabulary"),
)
"""Tables with names, voices, texts, or keys of recordings, in deleted rows also those of former operations."""

OLDER_SNAPSHOTS = text("""
SELECT count(*) FROM pg_stat_activity
WHERE pid <> pg_backend_pid() AND datname = current_database()
AND (age(backend_xmin) >= age(CAST(CAST(:xid AS text) AS xid)) OR age(backend_xid) >= age(CAST(CAST(:xid AS text) AS xid)))
""")

HAS_CLEAR = text("SELECT to_regprocedure('pg_clear_attribute_stats(text,text,text,boolean)') IS NOT NULL")
"""From PostgreSQL 18 on."""
CLEAR_STATISTICS = text("""
SELECT pg_clear_attribute_stats(schemaname, tablename, attname, inherited) FROM pg_stats
WHERE schemaname = current_schema() AND tablename = ANY(:tables)
""")
"""ANALYZE leaves the statistics of a table that has no rows as they are."""


class SpaceBusyError(RuntimeError):
    """The space cannot be removed now; another attempt may succeed."""


async def remove(database: Database) -> None:
    """Carry out all requests to remove space, unless another process does so first. Raises SpaceBusyError.

    Waits while another process removes space. Takes seconds per 100,000 segments.
    """
    async with _connection(database) as connection:
        try:
            await _await_turn(connection)
            async with AsyncSession(connection) as session:
                last = await pending.last_space(session)
            if last is None:
                return
            await _await_snapshots(connection)
            if await connection.scalar(HAS_CLEAR):
                await connection.execute(CLEAR_STATISTICS, {"tables": list(REWRITTEN)})
            async with vector_index.without_indexes(database, connection):
                for table in REWRITTEN:
                    await connection.execute(text(f"VACUUM (FULL, ANALYZE) {table}"))
            await _await_snapshots(connection)
            await connection.execute(text("VACUUM FULL pg_statistic"))
            async with AsyncSession(connection) as session:
                await pending.space_removed(session, last)
        except vector_index.IndexesBusyError as error:
            raise SpaceBusyError("A process builds the indexes of search by meaning.") from error
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) == LOCK_NOT_AVAILABLE:
                raise SpaceBusyError("A long transaction uses a table.") from error
            raise


@asynccontextmanager
async def _connection(database: Database) -> AsyncIterator[AsyncConnection]:
    """Its end releases the advisory lock."""
    async with database.autocommit() as connection:
        limit = {"ms": str(int(LOCK_TIMEOUT_S * 1000))}
        await connection.execute(text("SELECT set_config('lock_timeout', :ms, false)"), limit)
        yield connection


async def _await_turn(connection: AsyncConnection) -> None:
    """Take the advisory lock. Raises SpaceBusyError.

    Not by `pg_advisory_lock`: a statement that waits has a snapshot, and the process with the lock waits for older snapshots.
    """
    deadline = time.monotonic() + TURN_TIMEOUT_S
    while not await connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": SPACE_LOCK}):
        if time.monotonic() > deadline:
            raise SpaceBusyError("A removal by another process has not ended.")
        await asyncio.sleep(POLL_INTERVAL_S)


async def _await_snapshots(connection: AsyncConnection) -> None:
    """Wait until no transaction can see rows that were deleted before this call. Raises SpaceBusyError."""
    xid = (await connection.execute(text("SELECT pg_current_xact_id()::xid::text"))).scalar_one()
    deadline = time.monotonic() + SNAPSHOT_TIMEOUT_S
    while await connection.scalar(OLDER_SNAPSHOTS, {"xid": xid}):
        if time.monotonic() > deadline:
            raise SpaceBusyError("A transaction that is older than the erasure has not ended.")
        await asyncio.sleep(POLL_INTERVAL_S)
