"""What a change of the schema takes from programs that were written for it as it was."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Connection, text


class Column(NamedTuple):
    type: str
    required: bool
    filled: bool
    """PostgreSQL has a value where a program names none: a default, an identity or an expression."""


class Constraint(NamedTuple):
    definition: str
    columns: frozenset[str]


@dataclass(frozen=True)
class Schema:
    objects: frozenset[str]
    """Tables, views, sequences and functions."""
    columns: dict[tuple[str, str], Column]
    """By table and name."""
    constraints: dict[tuple[str, str], Constraint]
    """By table and name; unique indexes, too."""


OBJECTS = """
    SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v', 'm', 'S')
    UNION ALL SELECT p.oid::regprocedure::text FROM pg_proc p
    WHERE pronamespace = 'public'::regnamespace AND NOT EXISTS (SELECT 1 FROM pg_depend WHERE objid = p.oid AND deptype = 'e')
"""
COLUMNS = """
    SELECT relname, attname, format_type(atttypid, atttypmod), attnotnull, atthasdef OR attidentity <> ''
    FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND attnum > 0 AND NOT attisdropped
"""
CONSTRAINTS = """
    SELECT relname, conname, pg_get_constraintdef(k.oid), ARRAY(
        SELECT attname FROM pg_attribute WHERE attrelid = conrelid AND attnum = ANY (conkey)
    )
    FROM pg_constraint k JOIN pg_class c ON c.oid = conrelid
    WHERE relnamespace = 'public'::regnamespace AND contype <> 'n'  -- NOT NULL is in COLUMNS
    UNION ALL
    SELECT t.relname, c.relname, pg_get_indexdef(c.oid), ARRAY(
        SELECT attname FROM pg_attribute WHERE attrelid = indrelid AND attnum = ANY (indkey)
    )
    FROM pg_index JOIN pg_class c ON c.oid = indexrelid JOIN pg_class t ON t.oid = indrelid
    WHERE c.relnamespace = 'public'::regnamespace AND indisunique
    AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid)
"""


def read(connection: Connection) -> Schema:
    return Schema(
        frozenset(connection.scalars(text(OBJECTS))),
        {(row[0], row[1]): Column(*row[2:]) for row in connection.execute(text(COLUMNS))},
        {(row[0], row[1]): Constraint(forbidden(row[2]), frozenset(row[3])) for row in connection.execute(text(CONSTRAINTS))},
    )


def forbidden(definition: str) -> str:
    """A constraint without the columns that its index has for queries alone."""
    return re.sub(r" INCLUDE \([^)]*\)", "", definition)


def faults(before: Schema, after: Schema, widened: frozenset[str] = frozenset()) -> list[str]:
    """Why a program written for `before` may fail with `after`. `widened` names constraints that forbid less."""
    removed = [f"{name} is gone" for name in sorted(before.objects - after.objects)]
    return [*removed, *_columns(before, after), *_constraints(before, after, widened)]


def _columns(before: Schema, after: Schema) -> Iterator[str]:
    for (table, name), column in before.columns.items():
        if table in after.objects and (table, name) not in after.columns:
            yield f"{table}.{name} is gone"
        elif (now := after.columns.get((table, name))) is not None:
            if now.type != column.type:
                yield f"{table}.{name} was {column.type} and is {now.type}"
            if now.required and not column.required:
                yield f"{table}.{name} may not be null any more"
            if now.required and column.filled and not now.filled:
                yield f"{table}.{name} has no default any more"
    for (table, name), column in after.columns.items():
        if table in before.objects and (table, name) not in before.columns and column.required and not column.filled:
            yield f"{table}.{name} is new and required, and has no default"


def _constraints(before: Schema, after: Schema, widened: frozenset[str]) -> Iterator[str]:
    for (table, name), constraint in before.constraints.items():
        gone = table in after.objects and (table, name) not in after.constraints
        if gone and name not in widened and constraint.definition.startswith(("UNIQUE", "PRIMARY KEY", "CREATE UNIQUE")):
            yield f"{name} is gone, and ON CONFLICT needs it"
    for (table, name), constraint in after.constraints.items():
        if table not in before.objects or name in widened:
            continue
        earlier = before.constraints.get((table, name))
        old_columns = any((table, column) in before.columns for column in constraint.columns)
        if old_columns and (earlier is None or earlier.definition != constraint.definition):
            yield f"{name} is new or has changed, and earlier columns must meet it"
