"""A conversation in parts: pages of its segments, and its speakers."""

from pydantic import Field

from api.schemas.paging import Limit, Skipped, Total
from services.schemas import Schema, Segment, SpeakerId
from services.schemas.base import Seconds


class Segments(Schema):
    segments: list[Segment] = Field(description="In order.")
    total: Total
    skip: Skipped
    limit: Limit


class Sample(Schema):
    segment_id: int
    start_offset: Seconds
    end_offset: Seconds


class SuggestedSpeaker(Schema):
    """The likely speaker of a voice: `POST /speakers/{speaker_id}/merge` with `{"into": other_id}` makes them one."""

    other_id: int
    other_name: str = Field(examples=["Alice"])
    similarity: float = Field(description="Cosine similarity of their voices.")
    probability: float | None = Field(description="How likely they are one person, 0 to 1, by their voices alone.")


class Participant(Schema):
    speaker_id: SpeakerId
    speaker_name: str = Field(description="As in the segments.", examples=["Unknown_01"])
    is_known: bool = Field(description="A person gave the name.")
    segments: int = Field(description="How many.")
    seconds: float = Field(description="How long they speak.")
    share: float = Field(description="Of the speech of all, 0 to 1.")
    emotions: dict[str, int] = Field(description="Segments by emotion.", examples=[{"neutral": 12, "happy": 2}])
    samples: list[Sample] = Field(
        description="Up to four segments in which the voice is clear, in order; long ones without other voices."
    )
    suggestion: SuggestedSpeaker | None = Field(description="The most similar speaker, for a voice without a name.")
