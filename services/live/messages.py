"""The messages of the live protocol."""

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field

from media.stream import DEFAULT_RATE, MAX_RATE, MIN_RATE, Encoding
from pipeline.languages import language_code

Emit = Callable[[str, dict[str, Any]], None]
"""Sends the client a message, given its type and its data. Does not block."""


class Start(BaseModel):
    """What a client may say when it begins; nothing of it must be."""

    sample_rate: int = Field(DEFAULT_RATE, ge=MIN_RATE, le=MAX_RATE)
    encoding: Encoding = "float32"
    language: Annotated[str | None, AfterValidator(lambda code: language_code(code) if code else None)] = None
    title: str | None = Field(None, max_length=1000)
    num_speakers: int | None = Field(None, ge=1, le=100)
    partials: bool = False
    speaker_update: bool = False
    """Wait at the end until the diarizer has processed the whole recording, and send the changes."""
    resumable: bool = False
    conversation_id: int | None = Field(None, ge=1, le=2**31 - 1)
    """To continue a conversation whose connection was lost."""
