"""Options of a job, as its row stores them."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from pipeline.types import NO_HINT, SpeakerHint


class JobOptions(BaseModel):
    """What the client chose for one recording. Rows written before there were versions have none and are of version 1."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    language: str | None = None
    """Code of the language; None to detect it."""
    hint: SpeakerHint = NO_HINT
    request_id: str = ""
    """The id of the client's request, for the logs of the work; empty where there is none."""
