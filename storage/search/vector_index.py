"""The indexes of the vectors: a partial one for each model, with the dimension in its expression, since dimensions differ.

HNSW with m 16, pgvector's default, and ef_construction 200: with its default of 64, searches of the same time miss two to three
times as many of the nearest (docs/measurements.md). The index of a model is made before its first vector. It is removed with
all its vectors when another model has embedded the whole archive.
"""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import ColumnElement, cast, delete, exists, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from storage.postgres.vectors import HalfEmbedding
from storage.tables import SegmentVector

PREFIX = "ix_segment_vectors_"
LOCK = 0x76656374  # "vect"; the key of an advisory lock
REBUILD_LOCK = 0x76656272  # "vebr"; held while `without_indexes` is at work
REMOVED_AT_ONCE = 5_000
BUILD_MEMORY = "256MB"
"""Of PostgreSQL while it builds an index; with less than the graph needs, 1.3 kB a vector, it takes several times as long."""
IS_INVALID = text("SELECT NOT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:name)")
DEFINITIONS = text(
    "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'segment_vectors' AND starts_with(indexname, :prefix)"
)


def name_of(model: str, dimension: int) -> str:
    return f"{PREFIX}{dimension}{_suffix(model)}"


def _suffix(model: str) -> str:
    return f"_{hashlib.sha256(model.encode()).hexdigest()[:12]}"


def indexed(dimension: int) -> ColumnElement[object]:
    """The expression of the index: queries must have the same one."""
    return cast(SegmentVector.vector, HalfEmbedding(dimension))


async def ensure(session: AsyncSession, model: str, dimension: int) -> None:
    """Create the model's index where there is none. Takes seconds where there are a million vectors of other models."""
    await session.execute(select(func.pg_advisory_xact_lock(LOCK)))
    name, quoted = name_of(model, dimension), model.replace("'", "''")
    if await _is_left_unfinished(session, name):
        await drop(session, name)
    await session.execute(
        text(
            f'CREATE INDEX IF NOT EXISTS "{name}" ON segment_vectors '
            f"USING hnsw ((vector::halfvec({dimension})) halfvec_cosine_ops) WITH (m = 16, ef_construction = 200) "
            f"WHERE model = '{quoted}'".replace(":", r"\:")
        )
    )


async def is_begun(session: AsyncSession, model: str) -> bool:
    """Whether the model has an index, or vectors whose index is being built anew."""
    names = await session.scalars(DEFINITIONS, {"prefix": PREFIX})
    if any(name.endswith(_suffix(model)) for name in names):
        return True
    return bool(await session.scalar(select(exists().where(SegmentVector.model == model))))


async def _is_left_unfinished(session: AsyncSession, name: str) -> bool:
    """Whether a process ended while `without_indexes` built the index: PostgreSQL keeps it, and does not read it."""
    if not await session.scalar(IS_INVALID, {"name": name}):
        return False
    return bool(await session.scalar(select(func.pg_try_advisory_xact_lock(REBUILD_LOCK))))


@asynccontextmanager
async def without_indexes(connection: AsyncConnection) -> AsyncIterator[None]:
    """Remove all of them, and build them again after the block without blocking the table. Each statement is a transaction.

    Searches compare all vectors until then.
    """
    await connection.execute(select(func.pg_advisory_lock(REBUILD_LOCK)))
    definitions = (await connection.execute(DEFINITIONS, {"prefix": PREFIX})).all()
    try:
        for name, _ in definitions:
            await connection.execute(text(f'DROP INDEX IF EXISTS "{name}"'))
        yield
    finally:
        await connection.execute(text(f"SET maintenance_work_mem = '{BUILD_MEMORY}'"))
        for _, definition in definitions:
            again = definition.replace("CREATE INDEX", "CREATE INDEX CONCURRENTLY IF NOT EXISTS", 1)
            await connection.execute(text(again.replace(":", r"\:")))
        await connection.execute(select(func.pg_advisory_unlock(REBUILD_LOCK)))


async def others(session: AsyncSession, model: str, dimension: int) -> list[str]:
    """The names of the indexes of other models."""
    found = await session.scalars(DEFINITIONS, {"prefix": PREFIX})
    return [name for name in found if name != name_of(model, dimension)]


async def remove_some(session: AsyncSession, model: str) -> int:
    """Remove up to `REMOVED_AT_ONCE` vectors of other models; returns how many."""
    some = select(SegmentVector.segment_id, SegmentVector.model).where(SegmentVector.model != model).limit(REMOVED_AT_ONCE)
    rows = some.with_for_update(skip_locked=True).cte("some")
    removed = await session.execute(
        delete(SegmentVector)
        .where(SegmentVector.segment_id == rows.c.segment_id, SegmentVector.model == rows.c.model)
        .returning(SegmentVector.segment_id)
    )
    return len(removed.all())


async def drop(session: AsyncSession, name: str) -> None:
    await session.execute(text(f'DROP INDEX IF EXISTS "{name}"'))
