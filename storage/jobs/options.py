"""Options of a job, as its row stores them."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.decoding import PLAIN, Decoding
from pipeline.types import NO_HINT, ChannelMode, SpeakerHint


class JobOptions(BaseModel):
    """What the client chose for one job. Rows written before there were versions have none and are of version 1."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    language: str | None = None
    """Code of the language; None to detect it."""
    hint: SpeakerHint = NO_HINT
    channels: ChannelMode = "auto"
    channel_count: int = 1
    """Channels of the stored recording that are processed on their own; 1 where they are mixed."""
    decoding: Decoding = PLAIN
    template: str | None = Field(None, exclude_if=lambda template: template is None)
    """Of a summary; left out of the others, which workers of an older version read, too."""
    request_id: str = ""
    """The id of the client's request, for the logs of the work; empty where there is none."""


def has_only_unknown_fields(error: ValidationError) -> bool:
    """Whether the options would be valid without fields that this version does not have."""
    return all(found["type"] in ("extra_forbidden", "unexpected_keyword_argument") for found in error.errors())
