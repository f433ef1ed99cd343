"""The column type of the notes on a conversation."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator

from pipeline.types import Note


class Notes(TypeDecorator[tuple[Note, ...]]):
    """JSONB of the form `[{"kind": "left_out", "message": "…", "start": 1.5, "end": 2.0}, …]`."""

    impl = JSONB
    cache_ok = True

    def process_bind_param(self, value: Sequence[Note] | None, dialect: object) -> list[dict[str, Any]]:
        # PostgreSQL cannot store the character NUL.
        return [asdict(note) | {"message": note.message.replace("\0", "")} for note in value or ()]

    def process_result_value(self, value: list[dict[str, Any]] | None, dialect: object) -> tuple[Note, ...]:
        return tuple(Note(**note) for note in value or ())
