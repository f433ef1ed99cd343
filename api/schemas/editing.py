"""Changes of transcripts by people."""

from pydantic import ConfigDict, Field

from services.editing.transcript_editor import MAX_TEXT_CHARS, MAX_WORDS_CHARS
from services.schemas import Moment, Schema, Segment
from services.schemas.base import Seconds
from services.schemas.segments import Word


class EditRequest(Schema):
    model_config = ConfigDict(extra="forbid")

    expected_text: str | None = Field(
        None, max_length=MAX_TEXT_CHARS, description="The text that was read. If it is another by now, the answer is 409."
    )


class SegmentUpdate(EditRequest):
    text: str = Field(max_length=MAX_TEXT_CHARS, examples=["Hello, I didn't know you were there."])


class SegmentSplit(EditRequest):
    word: int = Field(ge=1, le=MAX_TEXT_CHARS, description="The first word of the second part, from 0.", examples=[3])


class Replace(Schema):
    model_config = ConfigDict(extra="forbid")

    find: str = Field(min_length=1, max_length=MAX_WORDS_CHARS, pattern=r"\S", description="Text as it is.", examples=["Baxly"])
    replace: str = Field(max_length=MAX_WORDS_CHARS, examples=["Baxley"])
    match_case: bool = False
    whole_words: bool = Field(False, description="Not inside of other words.")
    dry_run: bool = Field(True, description="Only say what would change.")


class ReplacedText(Schema):
    id: int = Field(description="Of the segment.")
    before: str
    after: str


class TranscriptChange(Schema):
    """A change of the segments of a conversation."""

    id: int
    description: str = Field(examples=["The text of a segment was changed"])
    created_at: Moment
    undone_at: Moment | None


class Edited(Schema):
    """What a request changed in a transcript."""

    change: TranscriptChange | None = Field(description="Null where nothing changed.")
    segments: list[Segment] = Field(description="Those that are new or different, in order.")
    deleted: list[int] = Field(description="Ids of segments that are gone.")
    notes: list[str] = Field(description="What new segments lack.")


class OriginalSegment(Schema):
    """A segment as the program wrote it."""

    id: int
    start_offset: Seconds
    end_offset: Seconds
    text: str
    words: list[Word] | None
    segments: list[int] = Field(description="The present segments that were made of it; none where it was deleted.")


class Replaced(Schema):
    """What a replacement changes, or would change."""

    change: TranscriptChange | None = Field(description="Null where nothing changed, or for a dry run.")
    matches: int = Field(description="Places in these segments.")
    segments: list[ReplacedText]
    notes: list[str] = Field(description="What is left as it is.")
