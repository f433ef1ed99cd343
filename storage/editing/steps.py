"""The steps of a change of a transcript, as `transcript_changes.steps` stores them: JSON, discriminated by `do`.

A step holds segments as they were and as they became, so that it can be undone and done again. The models say which JSON this
program reads, as in `storage.speakers.change_steps`.
"""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from pipeline.types import Word


class _Stored(BaseModel):
    # Unknown fields are refused: a step that this program reads only in part must not be undone.
    model_config = ConfigDict(frozen=True, extra="forbid", from_attributes=True)


class TextVersion(_Stored):
    """The columns of a segment that a change of its text concerns."""

    text: str
    words: tuple[Word, ...] | None
    originals: list[int] | None
    edited_at: datetime | None


class TextChanged(_Stored):
    do: Literal["text"] = "text"
    segment: int
    before: TextVersion
    after: TextVersion


EditStep = TextChanged


class EditRecord(_Stored):
    """All of `transcript_changes.steps`."""

    version: Literal[1] = 1
    steps: list[EditStep]
