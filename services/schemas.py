"""Conversations, segments and jobs as every door shows them: REST, webhooks and the command line.

Clients of the API are older than this program: names and shapes are theirs.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, PlainSerializer, computed_field

from pipeline import types
from storage.tables import STATUSES


def _naive_utc(moment: datetime) -> str:
    """Clients parse times without an offset and take them for UTC."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat()


SKIP, LIMIT = "How many to leave out at the beginning.", "How many to answer at most."
BREAKDOWN = {
    "emotion2vec_detector": {"emotion": "sad", "confidence": 0.52},
    "voice_profile_detector": {
        "emotion": "happy",
        "confidence": 0.88,
        "matches": [{"emotion": "happy", "similarity": 0.88, "threshold": 0.53, "samples": 3}],
    },
    "final_decision": {
        "emotion": "happy",
        "confidence": 0.88,
        "reason": "Voice strong: happy",
        "voice_profile_available": True,
    },
}
Moment = Annotated[datetime, PlainSerializer(_naive_utc, return_type=str), Field(description="UTC, written without an offset.")]
Seconds = Annotated[float, Field(description="Seconds from the start of the recording.")]
State = Annotated[str, Field(description=f"One of {', '.join(STATUSES)}.", examples=["completed"])]
Stage = Annotated[str | None, Field(description="What it is in; null before and after the work.", examples=["diarizing"])]
SpeakerId = Annotated[int | None, Field(description="Null for a voice that only this conversation knows.")]
Similarity = Annotated[float | None, Field(description="Similarity of the voice to the speaker it was recognised as, 0 to 1.")]
Total = Annotated[int, Field(description="How many there are in all.")]
Skipped = Annotated[int, Field(description="How many are left out at the beginning.")]
Limit = Annotated[int, Field(description="How many are answered at most.")]


class Schema(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class Word(Schema):
    word: str = Field(
        validation_alias=AliasChoices("word", "text"),
        description="With the space before it, where there is one.",
        examples=[" Hello"],
    )
    start: Seconds
    end: Seconds
    probability: float = Field(description="How sure the transcription is of it, 0 to 1.")


class Segment(Schema):
    """A line of a transcript. Offsets are seconds from the start of the recording."""

    id: int
    conversation_id: int
    speaker_id: SpeakerId
    speaker_name: str | None = Field(
        description="The name that somebody gave; else `Unknown_01`, …, for a voice that is known again, or `Unknown_A`, …",
        examples=["Unknown_01"],
    )
    text: str | None = Field(examples=["Hello, I didn't know you were there."])
    start_time: Moment
    end_time: Moment
    start_offset: Seconds
    end_offset: Seconds
    confidence: Similarity
    speaker_probability: float | None = Field(
        None, description="How likely that similarity makes it that this is the speaker, 0 to 1."
    )
    overlap: bool = Field(False, description="Somebody else speaks during this segment.")
    emotion_category: str | None = Field(description=f"One of {', '.join(types.EMOTIONS)}.", examples=["neutral"])
    emotion_confidence: float | None = Field(description="0 to 1; 1 where a person said how it sounds.")
    emotion_corrected: bool = Field(False, description="A person said how it sounds.")
    emotion_corrected_at: Moment | None = None
    emotion_misidentified: bool = Field(False, description="That was a mistake, and the speaker's profile forgot it.")
    detector_breakdown: dict[str, Any] | None = Field(
        None,
        description="How the emotion was decided on, with the speaker's own profiles; null where there are none.",
        examples=[BREAKDOWN],
    )
    words: list[Word] | None
    avg_logprob: float | None = Field(description="Mean log probability of the tokens that were transcribed.")
    is_misidentified: bool = Field(False, description="It is not the voice of this speaker.")


class ConversationListItem(Schema):
    id: int
    title: str | None = Field(examples=["Uploaded: meeting.mp3"])
    start_time: Moment
    end_time: Moment | None
    duration: float | None = Field(description="Seconds of audio.")
    status: State
    audio_format: str = Field(description="What the recording is kept as.", examples=["flac"])
    num_segments: int = Field(description="Lines of its transcript.")
    num_speakers: int = Field(description="Different voices among them.")
    language: str | None = Field(None, examples=["en"], description="ISO 639-1 code of the language spoken.")


class Conversation(ConversationListItem):
    error: str | None = Field(None, description="Why it failed, where it did.")
    transcript_segments: list[Segment] = Field([], validation_alias=AliasChoices("transcript_segments", "segments"))

    @computed_field(description="The same as `transcript_segments`: clients know them under either name.")  # type: ignore[prop-decorator]
    @property
    def segments(self) -> list[Segment]:
        return self.transcript_segments


class Job(Schema):
    id: int
    conversation_id: int
    state: Literal["queued", "running", "completed", "failed", "cancelled"]
    stage: Stage
    progress: float = Field(description="How much of the work is done, 0 to 1.")
    attempts: int = Field(description="How often somebody began to work on it.")
    duration: float = Field(description="Of the recording, in seconds.")
    error: str | None = Field(description="Why it failed, or why it is tried again.")
    created_at: Moment
    finished_at: Moment | None


class JobEvent(Schema):
    """What a webhook is sent."""

    type: Literal["job.completed", "job.failed", "job.cancelled"]
    timestamp: Moment
    data: Job
