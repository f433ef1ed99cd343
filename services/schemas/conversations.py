"""Conversations."""

from pydantic import AliasChoices, Field, computed_field

from pipeline.access import Visibility
from pipeline.types import NoteKind
from services.schemas.base import Moment, Schema, State
from services.schemas.segments import Segment


class ConversationBase(Schema):
    id: int
    title: str | None = Field(examples=["Uploaded: meeting.mp3"])
    file_name: str | None = Field(None, description="Of an upload.", examples=["meeting.mp3"])
    start_time: Moment
    end_time: Moment | None
    duration: float | None = Field(description="Seconds of audio.")
    status: State
    audio_format: str = Field(description="Format in which the recording is stored.", examples=["flac"])
    num_segments: int = Field(description="Segments of the transcript.")
    num_speakers: int = Field(description="Different voices in them.")
    language: str | None = Field(None, examples=["en"], description="ISO 639-1 code of the main language spoken.")
    languages: list[str] = Field(
        [], examples=[["en", "de"]], description="The languages of the segments, the most spoken first."
    )
    tags: list[str] = Field([], examples=[["Planning"]], description="In alphabetical order.")
    owner: int | None = Field(
        None, validation_alias=AliasChoices("owner", "owner_id"), description="The person who owns it; null for nobody."
    )
    visibility: Visibility = Field(Visibility.EVERYONE, description="Who sees it beside its owner and the administrators.")


class Note(Schema):
    """What processing left out or changed."""

    kind: NoteKind
    message: str = Field(examples=["Speakers asked for: 5; voices that could be told apart: 2."])
    start: float | None = Field(None, description="Seconds from the start; null where it is about the whole recording.")
    end: float | None = None


class Conversation(ConversationBase):
    notes: list[Note] = Field([], description="What processing left out or changed, in order of time.")
    error: str | None = Field(None, description="Why the processing failed, if it did.")
    hotwords: list[str] = Field([], description="Hot words that the transcriber has read: of the request and the settings.")
    transcript_segments: list[Segment] = Field([], validation_alias=AliasChoices("transcript_segments", "segments"))

    @computed_field(description="The same as `transcript_segments`: clients use either name.")  # type: ignore[prop-decorator]
    @property
    def segments(self) -> list[Segment]:
        return self.transcript_segments

    def with_words(self, wanted: bool) -> "Conversation":
        """The same, without the words of its segments where they are not wanted."""
        if wanted:
            return self
        segments = [segment.model_copy(update={"words": None}) for segment in self.segments]
        return self.model_copy(update={"transcript_segments": segments})
