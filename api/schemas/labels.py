"""Labels: the true speakers of segments."""

from typing import Annotated

from pydantic import Field, StringConstraints

from pipeline.names import Name
from services.schemas import Moment, Schema


class LabelChange(Schema):
    speaker_name: Name = Field(description="The true speaker, stored here or not.", examples=["Ana"])
    labeled_by: Annotated[str, StringConstraints(max_length=200)] | None = Field(None, examples=["Bo"])
    notes: Annotated[str, StringConstraints(max_length=10_000)] | None = None


class Label(Schema):
    segment_id: int
    speaker_name: str
    labeled_by: str | None
    notes: str | None
    labeled_at: Moment


class Imported(Schema):
    labelled: int = Field(description="Segments of which one speaker of the file says at least half.")
    unlabelled: int = Field(description="Segments in which no speaker of the file speaks enough; existing labels stay.")
    speakers: list[str]
