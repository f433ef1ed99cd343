"""The statements that a test causes."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event

from storage.postgres.database import Database


@contextmanager
def counted_queries(database: Database) -> Iterator[list[str]]:
    queries: list[str] = []

    def count(_c: object, _cursor: object, statement: str, *_: object) -> None:
        queries.append(statement)

    event.listen(database.engine.sync_engine, "before_cursor_execute", count)
    try:
        yield queries
    finally:
        event.remove(database.engine.sync_engine, "before_cursor_execute", count)
