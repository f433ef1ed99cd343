"""Conversations: lists, changes, and the progress of the work on them."""

from pydantic import ConfigDict, Field

from api.schemas.paging import Limit, Skipped, Total
from services.schemas import ConversationListItem, Schema, Stage, State


class Conversations(Schema):
    conversations: list[ConversationListItem]
    total: Total
    skip: Skipped
    limit: Limit


class ConversationUpdate(Schema):
    """What a client may change. Other fields are refused: the status follows from the work."""

    model_config = ConfigDict(extra="forbid")

    title: str | None = Field(None, max_length=1000, examples=["Planning, Monday"])


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
