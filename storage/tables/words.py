"""The column type of a segment's words."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator

from pipeline.types import Word


class Words(TypeDecorator[tuple[Word, ...]]):
    """JSONB of the form `[{"word": " Hello", "start": 0.1, "end": 0.4, "probability": 0.9}, …]`; null stays None."""

    impl = JSONB(none_as_null=True)
    cache_ok = True

    def process_bind_param(self, value: Sequence[Word] | None, dialect: object) -> list[dict[str, Any]] | None:
        if value is None:
            return None
        # PostgreSQL cannot store the character NUL.
        return [{"word": w.text.replace("\0", ""), "start": w.start, "end": w.end, "probability": w.probability} for w in value]

    def process_result_value(self, value: list[dict[str, Any]] | None, dialect: object) -> tuple[Word, ...] | None:
        if value is None:
            return None
        return tuple(Word(w["word"], w["start"], w["end"], w["probability"]) for w in value)
