"""PostgreSQL's estimates of how many rows a query has, without running it."""

from typing import Any

from sqlalchemy import Select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import ClauseElement, Executable


class _Explain(Executable, ClauseElement):
    inherit_cache = False

    def __init__(self, query: Select[Any]) -> None:
        self.query = query


@compiles(_Explain)
def _compile(element: _Explain, compiler: SQLCompiler, **options: Any) -> str:
    return f"EXPLAIN (FORMAT JSON) {compiler.process(element.query, **options)}"


async def estimated_rows(session: AsyncSession, query: Select[Any]) -> int:
    """From statistics of columns: good for conditions on one table, and far too low for the most frequent values of joins."""
    ((plan,),) = await session.execute(_Explain(query))
    return int(plan[0]["Plan"]["Plan Rows"])


async def rows_of_table(session: AsyncSession, table: str) -> float:
    """Of the last VACUUM or ANALYZE; negative before the first."""
    query = text("SELECT reltuples FROM pg_class WHERE oid = CAST(:name AS regclass)")
    return float((await session.execute(query, {"name": table})).scalar_one())
