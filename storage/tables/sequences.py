"""The sequences from which PostgreSQL takes ids, as expressions."""

from sqlalchemy import BigInteger, ColumnElement, cast, func
from sqlalchemy.dialects.postgresql import REGCLASS

from storage.tables.base import Base


def last_id(table: type[Base]) -> ColumnElement[int]:
    """The highest id that was taken; null if none was."""
    return func.pg_sequence_last_value(_sequence(table), type_=BigInteger)


def next_id(table: type[Base]) -> ColumnElement[int]:
    """Takes an id, for each row anew."""
    return func.nextval(_sequence(table), type_=BigInteger)


def _sequence(table: type[Base]) -> ColumnElement[str]:
    return cast(func.pg_get_serial_sequence(table.__tablename__, "id"), REGCLASS)
