"""Conversations: lists, changes, and the progress of the work on them."""

from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field

from api.schemas.paging import Limit, NextCursor, Skipped, Total
from pipeline.tags import Tags
from services.schemas import ConversationBase, Schema, Seconds, SpeakerId, Stage, State

Tenths = Annotated[Seconds, AfterValidator(lambda seconds: round(seconds, 1))]


TranscriptFormat = Literal["json", "srt", "vtt", "txt", "csv", "rttm"]


class ListedSpeaker(Schema):
    """A speaker in a conversation."""

    speaker_id: SpeakerId
    speaker_name: str = Field(description="As in the segments.", examples=["Ann"])
    is_known: bool = Field(description="A person gave the name.")
    share: Annotated[float, AfterValidator(lambda share: round(share, 3))] = Field(
        description="Of all speech in the conversation, 0 to 1."
    )


class Span(Schema):
    """A stretch in which mostly one speaker speaks."""

    start: Tenths
    end: Tenths
    speaker_id: SpeakerId


class ConversationListItem(ConversationBase):
    participants: list[ListedSpeaker] | None = Field(
        None, description="Those who speak, the most first. With `include=participants`, else null."
    )
    timeline: list[Span] | None = Field(
        None, description="At most 120 spans, in order of time. With `include=timeline`, else null."
    )


class Conversations(Schema):
    conversations: list[ConversationListItem]
    total: Total
    skip: Skipped
    limit: Limit
    next_cursor: NextCursor


class TagCount(Schema):
    name: str = Field(description="In the spelling of most conversations.", examples=["Planning"])
    conversations: int = Field(description="How many of those that you see have it.")


class ConversationUpdate(Schema):
    """What a client may change. Other fields are refused: the status follows from the work."""

    model_config = ConfigDict(extra="forbid")

    title: str | None = Field(None, max_length=1000, examples=["Planning, Monday"])
    tags: Tags | None = Field(None, description="They replace all. Two spellings of a tag are one.", examples=[["Planning"]])


class Deleted(Schema):
    message: str = Field(examples=["Conversation 7 deleted"])
    cleanup_warnings: list[str] = Field([], description="What could not be removed from the disk.")


class Reprocessed(Schema):
    message: str = Field(examples=["Conversation reprocessed"])
    segments: int = Field(description="Segments of the new transcript.")


class Rematched(Reprocessed):
    participants: int = Field(description="Voices that have another speaker now.")
    segments: int = Field(description="Segments of those voices.")


class Peaks(Schema):
    per_second: float
    peaks: list[int] = Field(description="The largest amplitude of each stretch of the recording, from 0 to 255.")


class Progress(Schema):
    id: int
    status: State
    stage: Stage = None
    progress: float = Field(description="Fraction of the work that is done, 0 to 1.")
    error: str | None = Field(None, description="Why the processing failed, if it did.")
