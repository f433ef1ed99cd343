"""Cursors of the list of conversations."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
LARGEST_ID = 2**31 - 1  # PostgreSQL's `integer`


class CursorError(ValueError):
    """The text is no cursor."""

    def __init__(self) -> None:
        super().__init__("This is no cursor: take `next_cursor` of the page before, or leave it out for the first page.")


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last conversation of a page. The next page follows it, whatever was added or deleted meanwhile."""

    start_time: datetime
    id: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises CursorError."""
        try:
            microseconds, id_ = (int(part) for part in text.split("."))
            start_time = _EPOCH + microseconds * _MICROSECOND
        except (ValueError, OverflowError):
            raise CursorError from None
        if not 0 < id_ <= LARGEST_ID:
            raise CursorError
        return cls(start_time, id_)

    def __str__(self) -> str:
        return f"{(self.start_time - _EPOCH) // _MICROSECOND}.{self.id}"
