"""Conditions that several queries share."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ARRAY, BigInteger, ColumnElement, Integer, any_, literal


def one_of(column: Any, ids: Sequence[int]) -> ColumnElement[bool]:
    """`column` is one of `ids`: a single array parameter. `IN` has one for each, and PostgreSQL takes at most 32,767."""
    condition: ColumnElement[bool] = column == any_(literal(list(ids), ARRAY(Integer)))
    return condition


def one_of_large(column: Any, ids: Sequence[int]) -> ColumnElement[bool]:
    """The same for a `bigint`, such as the id of a segment."""
    condition: ColumnElement[bool] = column == any_(literal(list(ids), ARRAY(BigInteger)))
    return condition
