"""The declarative base of all tables, and constraints that several tables use."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, DateTime, MetaData, Text
from sqlalchemy.dialects.postgresql import DOUBLE_PRECISION
from sqlalchemy.orm import DeclarativeBase

from pipeline.types import Vector
from storage.postgres.vectors import Embedding

NAMING = {
    "pk": "pk_%(table_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
}


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        str: Text(),
        float: DOUBLE_PRECISION(),
        datetime: DateTime(timezone=True),
        Vector: Embedding(),
    }


def all_or_none(name: str, *columns: str) -> CheckConstraint:
    """Either all of `columns` are null or none is: a vector without its model's name cannot be compared."""
    return CheckConstraint(f"num_nulls({', '.join(columns)}) IN (0, {len(columns)})", name=name)


def fraction(column: str) -> CheckConstraint:
    """The column is between 0 and 1."""
    return CheckConstraint(f"{column} BETWEEN 0 AND 1", name=column)
