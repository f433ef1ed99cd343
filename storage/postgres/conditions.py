"""Conditions that several queries share."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ARRAY, CTE, BigInteger, ColumnElement, Integer, Select, any_, literal


def one_of(column: Any, ids: Sequence[int]) -> ColumnElement[bool]:
    """`column` is one of `ids`: a single array parameter. `IN` has one for each, and PostgreSQL takes at most 32,767."""
    condition: ColumnElement[bool] = column == any_(literal(list(ids), ARRAY(Integer)))
    return condition


def one_of_large(column: Any, ids: Sequence[int]) -> ColumnElement[bool]:
    """The same for a `bigint`, such as the id of a segment."""
    condition: ColumnElement[bool] = column == any_(literal(list(ids), ARRAY(BigInteger)))
    return condition


def unlocked(rows: Select[*tuple[Any, ...]]) -> CTE:
    """The rows that no other transaction has locked, locked by this one, for an update or deletion of up to a limit.

    A CTE with locks runs once. PostgreSQL may run a subquery in `IN` once for each row, and each run finds other rows.
    """
    return rows.with_for_update(skip_locked=True).cte("unlocked")
