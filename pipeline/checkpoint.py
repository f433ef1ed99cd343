"""Results of finished stages as JSON, stored so that a resumed job does not run these stages again.

Stored results outlive an update of the program. So each carries a version: a changed form gets the next number, and older forms
are converted before they are validated.
"""

from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, model_validator

from pipeline.types import Diarization, Note, Participant, Span, Utterance


class StageResult(BaseModel):
    # "constants" writes NaN as JSON readers of Python expect it; the default would write null.
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")

    stage: ClassVar[str]
    """Name of the stage, as progress reports it."""
    version: Literal[2] = 2

    def dump(self) -> str:
        return self.model_dump_json()

    @classmethod
    def load(cls, text: str) -> Self:
        """Raises ValueError where the text is no result of this stage."""
        return cls.model_validate_json(text)


class Transcribed(StageResult):
    stage: ClassVar = "transcribing"
    utterances: tuple[Utterance, ...]
    notes: tuple[Note, ...] = ()
    """On windows that the transcriber failed on."""
    gaps: tuple[Span, ...] = ()
    """Parts of the recording without a word."""

    @model_validator(mode="before")
    @classmethod
    def _from_version_1(cls, value: Any) -> Any:
        return {"utterances": value} if isinstance(value, list) else value


class Diarized(StageResult):
    """Who speaks when, and the participants with their voiceprints."""

    stage: ClassVar = "diarizing"
    diarization: Diarization
    participants: tuple[Participant, ...]

    @model_validator(mode="before")
    @classmethod
    def _from_version_1(cls, value: Any) -> Any:
        if not isinstance(value, list):
            return value
        diarization, participants = value
        return {"diarization": diarization, "participants": participants}
