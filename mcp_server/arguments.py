"""Parameter types of the tools, with bounds and descriptions for the model."""

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from pipeline.decoding import MAX_MODEL_CHARS
from pipeline.emotion.dual_detector import canonical
from pipeline.languages import language_code
from pipeline.names import printable
from pipeline.types import EMOTIONS
from services.schemas import Moment

LARGEST_ID = 2**31 - 1  # PostgreSQL's `integer`
LARGEST_SEGMENT = 2**63 - 1  # and `bigint`


def _maybe(value: Any) -> Any:
    """Clients without null send an empty string."""
    return None if value in ("", "latest", "null") else value


Skip = Annotated[int, Field(ge=0, le=LARGEST_ID)]
ConversationId = Annotated[int, Field(ge=1, le=LARGEST_ID)]
MaybeConversationId = Annotated[Annotated[int, Field(ge=1, le=LARGEST_ID)] | None, BeforeValidator(_maybe)]
SegmentId = Annotated[int, Field(ge=1, le=LARGEST_SEGMENT, description="A line of a transcript.")]
MaybeSegmentId = Annotated[Annotated[int, Field(ge=0, le=LARGEST_SEGMENT)] | None, BeforeValidator(_maybe)]
SpeakerId = Annotated[int, Field(ge=1, le=LARGEST_ID, description="From list_speakers.")]
ModelName = Annotated[str, Field(max_length=MAX_MODEL_CHARS), AfterValidator(printable)]
Title = Annotated[str, Field(max_length=1000), AfterValidator(printable)]
Emotion = Annotated[str, AfterValidator(canonical), Field(json_schema_extra={"enum": list(EMOTIONS)})]
MaybeEmotion = Annotated[
    str,
    AfterValidator(lambda label: canonical(label) if label else ""),
    Field(description=f"One of {', '.join(EMOTIONS)}."),
]
MaybeMoment = Annotated[Moment | None, BeforeValidator(_maybe)]
Language = Annotated[
    str,
    AfterValidator(lambda code: language_code(code) if code else ""),
    Field(description="Code, such as en; detected if left out."),
]
