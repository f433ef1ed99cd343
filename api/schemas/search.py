"""Results of a search."""

from pydantic import Field

from api.schemas.paging import Limit, Skipped, Total
from services.schemas import HitBase, Moment, Schema, Seconds, Similarity


class Hit(HitBase):
    id: int = Field(description="The segment's.")
    title: str | None = Field(description="Of the conversation.", examples=["Planning, Monday"])
    time: Moment = Field(description="When the segment starts.")
    speaker_name: str = Field(description="As in the transcript.", examples=["Alice"])
    text: str
    snippet: str = Field(
        description="HTML: the text, or excerpts of a long one, with the found words in `<mark>`.",
        examples=["The <mark>invoice</mark> is late."],
    )
    end_offset: Seconds
    confidence: Similarity
    emotion_category: str | None = Field(description="As in the transcript.")


class Hits(Schema):
    results: list[Hit]
    total: Total
    total_is_exact: bool = Field(description="False if there are more than `total`, which are not ranked.")
    skip: Skipped
    limit: Limit
