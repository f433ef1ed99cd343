"""Results of a search."""

from typing import Literal

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
    matched: Literal["words", "meaning"] | None = Field(
        None, description="Why it was found: it has the words, or it means the same. Null without a query."
    )
    similarity: float | None = Field(None, description="Cosine of its meaning and the query's, if that was compared.")


class Recognized(Schema):
    """A part of the query that was taken for a filter."""

    text: str = Field(description="As it stands in the query.", examples=["last month"])
    speaker_id: int | None = Field(None, description="A speaker, where the text is a name.")
    speaker_name: str | None = Field(None, description="The speaker's name as it is stored.")
    since: Moment | None = Field(None, description="Start of a time; null where it has none.")
    until: Moment | None = Field(None, description="The first moment after it; null where it has none.")


class Coverage(Schema):
    """What search by meaning finds, while a model embeds the archive for the first time."""

    covered: int = Field(description="Segments with a vector of the model in use.", examples=[12300])
    segments: int = Field(description="Segments with text.", examples=[20000])


class Hits(Schema):
    results: list[Hit]
    total: Total
    total_is_exact: bool = Field(description="False if there are more than `total`, which are not ranked.")
    words: str = Field("", description="What was searched for: the query without what was recognized as filters.")
    recognized: list[Recognized] = Field(
        [],
        description="Filters in the query. To remove one: repeat with `interpret=false`, `q`=`words`, and the other filters.",
    )
    note: str | None = Field(None, description="What the search could not do, and why; null where it did all.")
    coverage: Coverage | None = Field(
        None, description="How many segments could be found by meaning; null where these are all, or only words were searched."
    )
    skip: Skipped
    limit: Limit
