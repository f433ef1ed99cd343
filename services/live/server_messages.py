"""The messages that the server sends on a live stream, and their construction. docs/live.md describes them.

Each is a JSON object with `type`, `data` and `timestamp`.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, BeforeValidator, Field, TypeAdapter, ValidationError

from pipeline.live.endpointing import SpeechSpan
from pipeline.live.partials import Partial
from pipeline.types import ConversationSegment
from services.schemas import Moment, Schema, Word

_SegmentId = Annotated[int, Field(validation_alias=AliasChoices("segment_id", "id"))]


class StartedData(Schema):
    conversation_id: int
    sample_rate: int
    message: str
    total_audio_seconds: float | None = Field(None, exclude_if=lambda seconds: seconds is None)
    """Seconds that are recorded already; only if the conversation is resumed."""
    resume_token: str | None = Field(None, exclude_if=lambda token: token is None, repr=False)
    """The secret with which the client resumes the conversation; only if it is resumable."""


class StreamStats(Schema):
    buffer_size: int
    """Binary frames since the last span of speech ended."""
    segments_processed: int
    total_audio_seconds: float


class StatusData(Schema):
    vad_active: bool
    """The most recent audio is speech."""
    audio_level: float
    """Root mean square of the most recent audio."""
    stats: StreamStats


class SegmentData(Schema):
    """A stored segment. Offsets are seconds from the start of the recording."""

    segment_id: _SegmentId
    speaker_id: int | None = None
    """None for a voice that is no known speaker; its name is local to the conversation."""
    speaker_name: str
    is_known: bool
    """A user has named the speaker."""
    text: str
    start_offset: float
    end_offset: float
    confidence: Annotated[float, BeforeValidator(lambda similarity: similarity or 0.0)]
    """Similarity of the voice to the speaker; 0 where there is none, since clients expect a number."""
    emotion_category: str | None
    emotion_confidence: float | None
    activation: float | None = None
    """How excited the speaker sounds, -1 to 1."""
    valence: float | None = None
    """How pleasant, -1 to 1."""
    detector_breakdown: dict[str, Any] | None
    words: list[Word] | None
    avg_logprob: float | None
    language: str | None = None
    """Code of the language spoken."""


class PartialData(Schema):
    text: str
    stable: str
    start_offset: float
    end_offset: float


class SegmentSpeaker(Schema):
    segment_id: _SegmentId
    speaker_id: int | None = None
    speaker_name: str


class SpeakerUpdateData(Schema):
    conversation_id: int
    num_speakers: int
    segments: list[SegmentSpeaker]
    """The segments that have another speaker than in their `segment` message."""


class CompletedData(Schema):
    conversation_id: int
    num_segments: int
    num_speakers: int
    duration: float
    message: str
    status: Literal["completed", "completed_with_errors"]
    processing_errors: int
    """Spans of speech that could not be processed."""
    concatenation_status: Literal["success", "empty"]
    languages: list[str] = Field([])
    """The languages of the segments, the most spoken first."""


class ErrorData(Schema):
    message: str


class _Message(BaseModel):
    timestamp: Moment = Field(default_factory=lambda: datetime.now(UTC))


class StartedMessage(_Message):
    type: Literal["started"] = "started"
    data: StartedData


class StatusMessage(_Message):
    """Answers a binary frame."""

    type: Literal["status"] = "status"
    data: StatusData


class SegmentMessage(_Message):
    type: Literal["segment"] = "segment"
    data: SegmentData


class PartialMessage(_Message):
    """What has been transcribed of a span of speech that has not ended."""

    type: Literal["partial"] = "partial"
    data: PartialData


class SpeakerUpdateMessage(_Message):
    type: Literal["speaker_update"] = "speaker_update"
    data: SpeakerUpdateData


class CompletedMessage(_Message):
    type: Literal["completed"] = "completed"
    data: CompletedData


class ErrorMessage(_Message):
    type: Literal["error"] = "error"
    data: ErrorData


ServerMessage = Annotated[
    StartedMessage | StatusMessage | SegmentMessage | PartialMessage | SpeakerUpdateMessage | CompletedMessage | ErrorMessage,
    Field(discriminator="type"),
]
_ADAPTER: TypeAdapter[ServerMessage] = TypeAdapter(ServerMessage)
Emit = Callable[[ServerMessage], None]
"""Sends a message to the client. Does not block."""


def parse(text: str) -> ServerMessage | None:
    """The message in a text frame; None if its type is unknown, as those of a newer server may be. Raises ValueError."""
    try:
        return _ADAPTER.validate_python(json.loads(text))
    except ValidationError as error:
        if error.errors()[0]["type"].startswith("union_tag"):
            return None
        raise


def encode(message: ServerMessage) -> str:
    return json.dumps(message.model_dump(mode="json"))


def started(
    conversation_id: int, sample_rate: int, resumed_at: float | None, resume_token: str | None = None
) -> StartedMessage:
    """`resumed_at`: seconds that are recorded already, if the conversation is resumed."""
    data = StartedData(
        conversation_id=conversation_id,
        sample_rate=sample_rate,
        message="Recording started" if resumed_at is None else "Recording resumed",
        total_audio_seconds=resumed_at,
        resume_token=resume_token,
    )
    return StartedMessage(data=data)


def status(*, speaking: bool, level: float, frames: int, segments: int, seconds: float) -> StatusMessage:
    """`frames`: since the last span of speech ended; `segments` and `seconds`: in all."""
    stats = StreamStats(buffer_size=frames, segments_processed=segments, total_audio_seconds=seconds)
    return StatusMessage(data=StatusData(vad_active=speaking, audio_level=level, stats=stats))


def segment(stored: ConversationSegment, *, words: bool = True) -> SegmentMessage:
    return SegmentMessage(data=SegmentData.model_validate(stored if words else replace(stored, words=None)))


def partial(words: Partial, span: SpeechSpan) -> PartialMessage:
    data = PartialData(text=words.text, stable=words.stable, start_offset=span.start_offset, end_offset=span.end_offset)
    return PartialMessage(data=data)


def speaker_update(conversation_id: int, num_speakers: int, segments: Iterable[ConversationSegment]) -> SpeakerUpdateMessage:
    changed = [SegmentSpeaker.model_validate(segment) for segment in segments]
    data = SpeakerUpdateData(conversation_id=conversation_id, num_speakers=num_speakers, segments=changed)
    return SpeakerUpdateMessage(data=data)


def completed(
    *,
    conversation_id: int,
    num_segments: int,
    num_speakers: int,
    duration: float,
    processing_errors: int,
    has_audio: bool,
    cut_off: str | None = None,
    languages: Sequence[str] = (),
) -> CompletedMessage:
    """`cut_off` says why audio is missing at the end."""
    text = "Recording completed with segment-processing errors" if processing_errors else "Recording completed and saved"
    if not has_audio:
        text = "No sound came, so that nothing was saved"
    if cut_off is not None:
        text = f"Recording saved up to {duration:.1f} s. {cut_off}" if has_audio else f"Nothing was recorded. {cut_off}"
    data = CompletedData(
        conversation_id=conversation_id,
        num_segments=num_segments,
        num_speakers=num_speakers,
        duration=duration,
        message=text,
        status="completed_with_errors" if processing_errors or cut_off else "completed",
        processing_errors=processing_errors,
        concatenation_status="success" if has_audio else "empty",
        languages=list(languages),
    )
    return CompletedMessage(data=data)


def error(message: str) -> ErrorMessage:
    return ErrorMessage(data=ErrorData(message=message))
