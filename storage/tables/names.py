"""When two names are one, in SQL. `pipeline.names` gives the reasons."""

from typing import Any

from sqlalchemy import ColumnElement, Text, func, literal, literal_column
from sqlalchemy.orm import InstrumentedAttribute

from pipeline.names import INVISIBLE


def key_sql(column: str) -> str:
    """The key of a column of names, for generated columns: equal for two spellings of one name."""
    return (
        rf"btrim(regexp_replace(lower(regexp_replace(normalize({column}, NFKC), '[{INVISIBLE}]', '', 'g')), '\s+', ' ', 'g'))"
    )


KEY = key_sql("name")


def key_of(name: ColumnElement[Any] | InstrumentedAttribute[Any] | str) -> ColumnElement[str]:
    """The key of a name, or of a column of names."""
    text = literal(name, Text) if isinstance(name, str) else name
    plain = func.regexp_replace(func.normalize(text, literal_column("NFKC")), f"[{INVISIBLE}]", "", "g")
    return func.btrim(func.regexp_replace(func.lower(plain), r"\s+", " ", "g"))
