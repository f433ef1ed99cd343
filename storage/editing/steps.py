"""The steps of a change of a transcript, as `transcript_changes.steps` stores them: JSON, discriminated by `do`.

A step holds segments as they were and as they became, so that it can be undone and done again. The models say which JSON this
program reads, as in `storage.speakers.change_steps`.
"""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from pipeline.types import Word
from storage.speakers.change_steps import VectorText


class _Stored(BaseModel):
    # Unknown fields are refused: a step that this program reads only in part must not be undone.
    model_config = ConfigDict(frozen=True, extra="forbid", from_attributes=True)


class TextVersion(_Stored):
    """The columns of a segment that a change of its text concerns."""

    text: str
    words: tuple[Word, ...] | None
    originals: list[int] | None
    edited_at: datetime | None


class TextsChanged(_Stored):
    """The texts of segments changed, by id."""

    do: Literal["texts"] = "texts"
    before: dict[int, TextVersion]
    after: dict[int, TextVersion]


class LabelCopy(_Stored):
    """A row of `labels`."""

    segment_id: int
    speaker_name: str
    labeled_by: str | None
    notes: str | None
    labeled_at: datetime


class SegmentCopy(_Stored):
    """A row of `segments`, with its label."""

    id: int
    conversation_id: int
    participant_id: int
    position: Decimal
    start_offset: float
    end_offset: float
    text: str
    words: tuple[Word, ...] | None
    originals: list[int] | None
    edited_at: datetime | None
    avg_logprob: float | None
    confidence: float | None
    overlap: bool
    channel: int | None
    language: str | None
    is_misidentified: bool
    emotion_category: str | None
    emotion_confidence: float | None
    activation: float | None = None
    valence: float | None = None
    emotion_scores: dict[str, float] | None
    emotion_vector: VectorText | None
    emotion_model: str | None
    emotion_corrected: bool
    emotion_corrected_at: datetime | None
    emotion_misidentified: bool
    emotion_learned: bool
    detector_breakdown: dict[str, Any] | None
    voice_vector: VectorText | None
    voice_model: str | None
    label: LabelCopy | None = None

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.end_offset - self.start_offset


class SegmentsReplaced(_Stored):
    """Segments became others: one was split, two were joined, or one was deleted. Those with an id in both lists stayed."""

    do: Literal["segments"] = "segments"
    before: list[SegmentCopy]
    after: list[SegmentCopy]


EditStep = Annotated[TextsChanged | SegmentsReplaced, Field(discriminator="do")]


class EditRecord(_Stored):
    """All of `transcript_changes.steps`."""

    version: Literal[1] = 1
    steps: list[EditStep]
