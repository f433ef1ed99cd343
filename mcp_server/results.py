"""The results of the tools. Clients of the reference system rely on the first fields of each."""

from typing import Annotated

from pydantic import AfterValidator, Field

from services.schemas import HitBase, Moment, Schema, SegmentBase

Seconds = Annotated[float, AfterValidator(lambda value: round(value, 2))]
Fraction = Annotated[float, AfterValidator(lambda value: round(value, 3))]


class Message(Schema):
    message: str


class Erased(Message):
    pending: list[str]
    """What could not be removed yet, and is tried again."""


class ErasedSpeaker(Erased):
    conversation_ids: list[int]
    """Conversations in which the person speaks."""


class Word(Schema):
    word: str = Field(validation_alias="text")
    start: Seconds
    end: Seconds


class Segment(SegmentBase):
    speaker_name: str
    text: str
    start_offset: Seconds
    end_offset: Seconds
    confidence: Fraction | None = Field(
        description="Similarity of the voice to the speaker's; 1 if a person named the speaker."
    )
    language: str | None
    activation: float | None
    valence: float | None
    words: list[Word] | None = Field(None, exclude_if=lambda words: words is None, description="On request.")


class Conversation(Schema):
    id: int
    title: str | None
    start_time: Moment
    duration: Seconds | None
    num_speakers: int
    num_segments: int
    status: str = Field(description="recording, processing, completed or failed.")
    tags: list[str]


class Conversations(Schema):
    conversations: list[Conversation]
    total: int
    skip: int


class LatestSegments(Schema):
    conversation_id: int
    title: str | None
    total_segments: int
    returned_segments: int
    segments: list[Segment]


class ConversationPage(Conversation):
    segments: list[Segment]
    returned_segments: int
    next_skip: int | None = Field(description="Call again with this `skip` for the segments that follow; null at the end.")
    language: str | None
    languages: list[str]
    progress: Fraction = Field(description="Fraction of the work on the recording that is done, 0 to 1.")
    error: str | None
    notes: list[str] = Field(description="What processing left out or changed.")


class Titled(Schema):
    id: int
    title: str | None
    start_time: Moment
    end_time: Moment | None
    duration: Seconds | None
    status: str
    audio_format: str
    num_segments: int
    num_speakers: int
    transcript_segments: list[Segment] = Field(description="The first segments; get_conversation returns all.")


class Identified(Schema):
    success: bool = True
    speaker_name: str
    enrolled: bool = Field(description="Future recordings will recognise this voice.")
    segments_updated: int
    message: str
    details: "IdentifiedDetails"


class IdentifiedDetails(Schema):
    """What the REST route answers, and which segment it was."""

    message: str
    speaker_id: int
    enrolled: bool
    segments_updated: int
    conversation_id: int
    segment_id: int


class Corrected(Schema):
    message: str
    segment_id: int
    old_emotion: str | None
    new_emotion: str
    learned: bool
    sample_count: int = Field(description="Corrections that the speaker's profile of this emotion is computed from.")
    speaker_name: str | None


class Speaker(Schema):
    id: int
    name: str
    created_at: Moment
    updated_at: Moment


class CountedSpeaker(Speaker):
    segment_count: int


class Speakers(Schema):
    speakers: list[Speaker]
    total: int
    skip: int


class DeletedUnknown(Schema):
    success: bool = True
    deleted_count: int
    deleted_speakers: list[str] = Field(description="Their names, or the first of them.")
    message: str


class Appearance(Schema):
    conversation_id: int
    title: str = Field(description="Conversation and its id, where it has none.")
    datetime: Moment
    duration_seconds: Seconds | None
    duration_minutes: Seconds | None
    total_segments: int
    speaker_segments: int
    audio_path: str | None


class Appearances(Schema):
    speaker_name: str
    speaker_id: int
    total_conversations: int
    returned_count: int
    conversations: list[Appearance]


class Hit(HitBase):
    id: int = Field(description="The segment's id.")
    start_offset: Seconds
    snippet: str = Field(description="The text, or excerpts of a long one; the found words are **bold**.")
    matched: str | None = None


class Recognized(Schema):
    """A filter that was read from the query."""

    text: str
    speaker_id: int | None = None
    since: Moment | None = None
    until: Moment | None = None


class Hits(Schema):
    results: list[Hit]
    recognized: list[Recognized] = Field([])
    note: str | None = None
    total: int
    total_is_exact: bool = Field(description="False: there are more than `total`; narrow the search down.")
    next_skip: int | None


class Source(Schema):
    id: int
    conversation_id: int
    speaker_name: str
    start_offset: Seconds
    text: str


class AnswerStatement(Schema):
    text: str
    sources: list[Source]


class Answer(Schema):
    found: bool
    answer: str
    statements: list[AnswerStatement]


class Work(Schema):
    conversation_id: int
    status: str
    progress: Fraction
    stage: str | None
    message: str


class Reprocessed(Schema):
    message: str
    segments: int
    status: str


class Export(Schema):
    conversation_id: int
    format: str
    content: str
    truncated: bool
    download: str = Field(description="Path of the whole file on the server.")


class SpeakerStatistics(Schema):
    speaker_id: int | None
    speaker_name: str
    segments: int
    seconds: Seconds
    share: Fraction | None = Field(None, description="Of all speech in the conversation.")
    emotions: dict[str, int] = Field(description="Number of segments by emotion.")


class Statistics(Schema):
    conversation_id: int | None = None
    conversations: int
    first_heard: Moment | None = None
    last_heard: Moment | None = None
    speakers: list[SpeakerStatistics]


class LiveConversation(Schema):
    live: bool
    conversation_id: int | None = None
    title: str | None = None
    start_time: Moment | None = None
    total_segments: int = 0
    segments: list[Segment] = Field([])
    last_segment_id: int | None = Field(None, description="Pass it as `after_segment_id` to get only newer segments.")
    message: str


class TextOfSegment(Schema):
    id: int
    text: str
    before: str | None = None


class CorrectedText(Schema):
    message: str
    segments: list[TextOfSegment] = Field(description="The first of those that changed, or would.")


class Undone(Schema):
    message: str
    undone: str
