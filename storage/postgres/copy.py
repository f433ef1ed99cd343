"""Insert many rows with COPY, which takes a fraction of the time of INSERT."""

from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg
from sqlalchemy import FromClause, Table
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession


async def copy_rows(session: AsyncSession, table: FromClause, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, which have the same keys in the same order, in the transaction of `session`.

    asyncpg encodes the values; SQLAlchemy's column types do not convert them. Raises DBAPIError.
    """
    if not rows:
        return
    assert isinstance(table, Table)
    connection = await (await session.connection()).get_raw_connection()
    driver = connection.driver_connection
    assert driver is not None
    records = (tuple(row.values()) for row in rows)
    try:
        await driver.copy_records_to_table(table.name, records=records, columns=list(rows[0]))
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise DBAPIError(f"COPY {table.name}", None, error) from error
