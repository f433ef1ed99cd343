"""The indexes of the vectors: a partial one for each model, with the dimension in its expression, since dimensions differ.

The index of a model is made before its first vector. It is removed with all its vectors when another model has embedded the
whole archive.
"""

import asyncio
import hashlib
import logging
import math
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from sqlalchemy import ColumnElement, TextClause, cast, delete, exists, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from storage.postgres.conditions import unlocked
from storage.postgres.database import Database
from storage.postgres.vectors import HalfEmbedding
from storage.tables import SegmentVector

logger = logging.getLogger("ray.serve")

PREFIX = "ix_segment_vectors_"
M, EF_CONSTRUCTION = 24, 200
"""Of HNSW. With pgvector's defaults, 16 and 64, searches of the same time miss several times as many of the nearest
(docs/measurements.md). M is part of an index's name, so that one with another M is replaced when the program starts."""
LOCK = 0x76656374  # "vect"; the key of an advisory lock
REBUILD_LOCK = 0x76656272  # "vebr"; held while indexes are removed or built
BUSY_TIMEOUT_S = 10.0
"""How long `without_indexes` waits for `restore`, which may take minutes."""
POLL_INTERVAL_S = 0.05
REMOVED_AT_ONCE = 5_000
BUILD_MEMORY = "256MB"
"""Of PostgreSQL while it builds an index; with less than the graph needs, 1.3 kB a vector with an M of 16, it takes several
times as long."""
IS_VALID = text("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:name)")
"""False where a process ended while it built the index: PostgreSQL keeps it, and does not read it. Null where there is none."""
NAMES = text(
    "SELECT relname FROM pg_class JOIN pg_index ON indexrelid = oid "
    "WHERE indrelid = 'segment_vectors'::regclass AND starts_with(relname, :prefix)"
)
DEFINITIONS = text(
    "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'segment_vectors' AND starts_with(indexname, :prefix)"
)
"""Only where `REBUILD_LOCK` is held: PostgreSQL fails where an index is dropped while its definition is read."""


class IndexesBusyError(RuntimeError):
    """Another process removes or builds the indexes."""


def name_of(model: str, dimension: int) -> str:
    return f"{PREFIX}{dimension}_m{M}{_suffix(model)}"


def _suffix(model: str) -> str:
    return f"_{hashlib.sha256(model.encode()).hexdigest()[:12]}"


def indexed(dimension: int) -> ColumnElement[object]:
    """The expression of the index: queries must have the same one."""
    return cast(SegmentVector.vector, HalfEmbedding(dimension))


async def ensure(session: AsyncSession, model: str, dimension: int) -> None:
    """Create the model's index where there is none. Takes seconds where there are a million vectors of other models.

    Leaves it to `without_indexes` and `restore` while one of them is at work: PostgreSQL would end one of two that wait for
    each other.
    """
    await session.execute(select(func.pg_advisory_xact_lock(LOCK)))
    if not await _try_lock(session):
        return
    name = name_of(model, dimension)
    if await session.scalar(IS_VALID, {"name": name}) is False:
        await drop(session, name)
    await session.execute(_statement(_definition(model, dimension), "CREATE INDEX IF NOT EXISTS"))


async def _try_lock(session: AsyncSession) -> bool:
    """Take the lock until the transaction ends; returns whether no other process holds it."""
    return bool(await session.scalar(select(func.pg_try_advisory_xact_lock(REBUILD_LOCK))))


def _definition(model: str, dimension: int) -> str:
    quoted = model.replace("'", "''")
    return (
        f'CREATE INDEX "{name_of(model, dimension)}" ON segment_vectors '
        f"USING hnsw ((vector::halfvec({dimension})) halfvec_cosine_ops) WITH (m = {M}, ef_construction = {EF_CONSTRUCTION}) "
        f"WHERE model = '{quoted}'"
    )


def _statement(definition: str, begin: str) -> TextClause:
    return text(definition.replace("CREATE INDEX", begin, 1).replace(":", r"\:"))


async def is_begun(session: AsyncSession, model: str) -> bool:
    """Whether the model has an index, or vectors whose index is being built anew."""
    names = await session.scalars(NAMES, {"prefix": PREFIX})
    if any(name.endswith(_suffix(model)) for name in names):
        return True
    return await _has_vectors(session, model)


async def _has_vectors(session: AsyncSession, model: str) -> bool:
    return bool(await session.scalar(select(exists().where(SegmentVector.model == model))))


async def restore(database: Database, model: str, dimension: int) -> None:
    """Build the index of a model's vectors, without blocking the table, where it is missing.

    So it is where only an earlier version made one, and where a process ended before it had built it again.

    Costs one short statement where the index is there. Returns at once while another process removes or builds indexes.
    """
    name = name_of(model, dimension)
    async with database.session() as session:
        if await session.scalar(IS_VALID, {"name": name}) or not await _has_vectors(session, model):
            return
    async with database.autocommit() as connection:
        if await _lock(connection, timeout_s=0.0):
            logger.warning("The index %s of search by meaning is missing, and is built again", name)
            await _build(connection, {name: _definition(model, dimension)})


@asynccontextmanager
async def without_indexes(database: Database, connection: AsyncConnection) -> AsyncIterator[None]:
    """Remove all of them on this connection, and build them again after the block without blocking the table.

    Each statement is a transaction. Searches compare all vectors until then. The indexes are built on another connection: that
    of the block is closed where its statement is cancelled or the database restarts. What cannot be built is logged; `restore`
    builds the index in use. Raises IndexesBusyError.
    """
    definitions: dict[str, str] = {}
    try:
        async with database.autocommit() as holder:
            if not await _lock(holder, BUSY_TIMEOUT_S):
                raise IndexesBusyError
            definitions = {row.indexname: row.indexdef for row in await holder.execute(DEFINITIONS, {"prefix": PREFIX})}
            for name in definitions:
                await connection.execute(text(f'DROP INDEX IF EXISTS "{name}"'))
            yield
    finally:
        if definitions:
            await _build_again(database, definitions)


async def _build_again(database: Database, definitions: Mapping[str, str]) -> None:
    try:
        async with database.autocommit() as connection:
            await _lock(connection, math.inf)
            await _build(connection, definitions)
    except Exception:
        logger.exception("The indexes of search by meaning could not be built again; that of the model in use is built later")


async def _lock(connection: AsyncConnection, timeout_s: float) -> bool:
    """Take the lock until the connection ends; returns whether it could be taken in time.

    Not by `pg_advisory_lock`: a statement that waits has a snapshot, and the process that builds an index waits for it.
    """
    deadline = time.monotonic() + timeout_s
    while not await connection.scalar(select(func.pg_try_advisory_lock(REBUILD_LOCK))):
        if time.monotonic() >= deadline:
            return False
        await asyncio.sleep(POLL_INTERVAL_S)
    return True


async def _build(connection: AsyncConnection, definitions: Mapping[str, str]) -> None:
    """On a connection with the lock. An index that another process has built meanwhile stays."""
    await connection.execute(text(f"SET maintenance_work_mem = '{BUILD_MEMORY}'"))
    for name, definition in definitions.items():
        if await connection.scalar(IS_VALID, {"name": name}) is False:
            await connection.execute(text(f'DROP INDEX CONCURRENTLY IF EXISTS "{name}"'))
        await connection.execute(_statement(definition, "CREATE INDEX CONCURRENTLY IF NOT EXISTS"))


async def others(session: AsyncSession, model: str, dimension: int) -> list[str]:
    """The names of the indexes of other models, and of the one that an earlier version made for this model."""
    found = await session.scalars(NAMES, {"prefix": PREFIX})
    return [name for name in found if name != name_of(model, dimension)]


async def remove_some(session: AsyncSession, model: str) -> int:
    """Remove up to `REMOVED_AT_ONCE` vectors of other models; returns how many."""
    some = select(SegmentVector.segment_id, SegmentVector.model).where(SegmentVector.model != model).limit(REMOVED_AT_ONCE)
    rows = unlocked(some)
    removed = await session.execute(
        delete(SegmentVector)
        .where(SegmentVector.segment_id == rows.c.segment_id, SegmentVector.model == rows.c.model)
        .returning(SegmentVector.segment_id)
    )
    return len(removed.all())


async def drop_others(session: AsyncSession, model: str, dimension: int) -> None:
    """Drop the indexes of other models, and the one of an earlier version, where the model's own serves.

    Leaves them where another process removes or builds indexes.
    """
    if await _try_lock(session) and await session.scalar(IS_VALID, {"name": name_of(model, dimension)}):
        for name in await others(session, model, dimension):
            await drop(session, name)


async def drop(session: AsyncSession, name: str) -> None:
    await session.execute(text(f'DROP INDEX IF EXISTS "{name}"'))
