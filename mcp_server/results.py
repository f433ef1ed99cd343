"""What the tools answer. The first fields of each are those that the reference system's clients know."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer


def _naive_utc(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat()


Moment = Annotated[datetime, PlainSerializer(_naive_utc, return_type=str), Field(description="UTC.")]
Seconds = Annotated[float, AfterValidator(lambda value: round(value, 2))]
Fraction = Annotated[float, AfterValidator(lambda value: round(value, 3))]


class Result(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class Message(Result):
    message: str


class Segment(Result):
    id: int
    speaker_name: str
    text: str
    start_offset: Seconds
    end_offset: Seconds
    confidence: Fraction | None = Field(description="Similarity of the voice to the speaker's; 1 where somebody said so.")
    speaker_id: int | None
    emotion_category: str | None


class Conversation(Result):
    id: int
    title: str | None
    start_time: Moment
    duration: Seconds | None
    num_speakers: int
    num_segments: int
    status: str = Field(description="recording, processing, completed or failed.")


class Conversations(Result):
    conversations: list[Conversation]
    total: int
    skip: int


class LatestSegments(Result):
    conversation_id: int
    title: str | None
    total_segments: int
    returned_segments: int
    segments: list[Segment]


class ConversationPage(Conversation):
    segments: list[Segment]
    returned_segments: int
    next_skip: int | None = Field(description="Call again with this `skip` for the lines that follow; null at the end.")
    language: str | None
    progress: Fraction = Field(description="How much of the work on the recording is done, 0 to 1.")
    error: str | None


class Titled(Result):
    id: int
    title: str | None
    start_time: Moment
    end_time: Moment | None
    duration: Seconds | None
    status: str
    audio_format: str
    num_segments: int
    num_speakers: int
    transcript_segments: list[Segment] = Field(description="The first lines; get_conversation has all.")


class Identified(Result):
    success: bool = True
    speaker_name: str
    enrolled: bool = Field(description="Future recordings will recognise this voice.")
    segments_updated: int
    message: str
    details: "IdentifiedDetails"


class IdentifiedDetails(Result):
    speaker_id: int
    conversation_id: int
    segment_id: int


class Corrected(Result):
    message: str
    segment_id: int
    old_emotion: str | None
    new_emotion: str
    learned: bool
    sample_count: int = Field(description="Corrections that the speaker's profile of this emotion is made of.")
    speaker_name: str | None


class Speaker(Result):
    id: int
    name: str
    created_at: Moment
    updated_at: Moment


class CountedSpeaker(Speaker):
    segment_count: int


class Speakers(Result):
    speakers: list[Speaker]
    total: int
    skip: int


class DeletedUnknown(Result):
    success: bool = True
    deleted_count: int
    deleted_speakers: list[str] = Field(description="Their names, or the first of them.")
    message: str


class Appearance(Result):
    conversation_id: int
    title: str | None
    datetime: Moment
    duration_seconds: Seconds | None
    duration_minutes: Seconds | None
    total_segments: int
    speaker_segments: int
    audio_path: str | None


class Appearances(Result):
    speaker_name: str
    speaker_id: int
    total_conversations: int
    returned_count: int
    conversations: list[Appearance]


class Hit(Result):
    id: int = Field(description="The segment's id.")
    conversation_id: int
    title: str | None = Field(description="Of the conversation.")
    time: Moment
    start_offset: Seconds
    speaker_id: int | None
    speaker_name: str
    emotion_category: str | None
    snippet: str = Field(description="The line, or parts of a long one; what was searched for is **bold**.")


class Hits(Result):
    results: list[Hit]
    total: int
    total_is_exact: bool = Field(description="False: there are more than `total`; narrow the search down.")
    next_skip: int | None


class Work(Result):
    conversation_id: int
    status: str
    progress: Fraction
    stage: str | None
    message: str


class Reprocessed(Result):
    message: str
    segments: int
    status: str


class Export(Result):
    conversation_id: int
    format: str
    content: str
    truncated: bool
    download: str = Field(description="Path of the whole file on the server.")


class Voice(Result):
    speaker_id: int | None
    speaker_name: str
    segments: int
    seconds: Seconds
    share: Fraction | None = Field(None, description="Of all speech in the conversation.")
    emotions: dict[str, int] = Field(description="Lines by emotion.")


class Statistics(Result):
    conversation_id: int | None = None
    conversations: int
    first_heard: Moment | None = None
    last_heard: Moment | None = None
    speakers: list[Voice]


class LiveConversation(Result):
    live: bool
    conversation_id: int | None = None
    title: str | None = None
    start_time: Moment | None = None
    total_segments: int = 0
    segments: list[Segment] = []
    last_segment_id: int | None = Field(None, description="Give it as `after_segment_id` to hear only what is new.")
    message: str


class Undone(Result):
    message: str
    undone: str
