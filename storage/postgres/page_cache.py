"""Read tables into the operating system's memory, so that the first searches after its start do not wait for the disk."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

AT_ONCE = 2**24  # bytes, which PostgreSQL holds in memory meanwhile
BUFFERS = 2
"""As many times `shared_buffers` are read at most: a quarter of the memory, and 4 GB, with the embedded PostgreSQL."""

MAY_READ = text("SELECT has_function_privilege('pg_read_binary_file(text, bigint, bigint, boolean)', 'EXECUTE')")
PARTS = text(
    """WITH relations AS (
        SELECT oid, pg_relation_size(oid) AS size, row_number() OVER (ORDER BY place, oid = named.name::regclass, oid) AS place
        FROM unnest(CAST(:tables AS text[])) WITH ORDINALITY AS named (name, place)
        JOIN pg_class ON oid = named.name::regclass
            OR oid IN (SELECT indexrelid FROM pg_index WHERE indrelid = named.name::regclass)
    ), fitting AS (
        SELECT *, sum(size) OVER (ORDER BY place) AS total FROM relations
    )
    SELECT pg_relation_filepath(oid) AS path, start FROM fitting, generate_series(0, size - 1, :at_once) AS start
    WHERE total <= CAST(:buffers AS float) * pg_size_bytes(current_setting('shared_buffers')) ORDER BY place, start"""
)
"""The indexes of a table before itself, since each search reads them."""
FILE = 2**30  # bytes; PostgreSQL divides what is larger
READ = text("SELECT length(pg_read_binary_file(:path, :start, :length, true))")


async def read_ahead(session: AsyncSession, tables: Sequence[str]) -> int:
    """Read the tables and their indexes in this order, as far as there is memory; returns how many bytes.

    Nothing where the role may not read files of the server; the embedded PostgreSQL's may.
    """
    if not (await session.execute(MAY_READ)).scalar_one():
        return 0
    read, parameters = 0, {"tables": tables, "buffers": BUFFERS, "at_once": AT_ONCE}
    for part in (await session.execute(PARTS, parameters)).all():
        number, start = divmod(part.start, FILE)
        path = f"{part.path}.{number}" if number else part.path
        read += (await session.scalar(READ, {"path": path, "start": start, "length": AT_ONCE})) or 0
    return read
