"""The column type of a live client's options for the transcriber."""

from typing import Any

from pydantic import TypeAdapter
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator

from pipeline.decoding import Decoding

_ADAPTER = TypeAdapter(Decoding)


class StoredDecoding(TypeDecorator[Decoding]):
    """JSONB with the fields of a `Decoding`."""

    impl = JSONB(none_as_null=True)
    cache_ok = True

    def process_bind_param(self, value: Decoding | None, dialect: object) -> dict[str, Any] | None:
        return None if value is None else _ADAPTER.dump_python(value, mode="json")

    def process_result_value(self, value: dict[str, Any] | None, dialect: object) -> Decoding | None:
        return None if value is None else _ADAPTER.validate_python(value)
