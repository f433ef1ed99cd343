"""Results of finished stages as JSON, stored so that a resumed job does not run these stages again.

Stored results outlive an update of the program. So each carries a version: a changed form gets the next number, and older forms
are converted before they are validated.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, model_validator

from pipeline.types import Diarization, Note, Participant, Span, Utterance

logger = logging.getLogger(__name__)

Keep = Callable[[str, str], Awaitable[None]]
"""Stores the result of a finished stage; takes the stage's name and the result as JSON."""


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


class ChosenHotwords(StageResult):
    """The hot words of all windows, in order: those of the settings may change before a job is resumed."""

    stage: ClassVar = "choosing hot words"
    used: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    """Of the request and the settings: the transcriber has no room for them."""
    speaker_names: tuple[str, ...] = ()
    """Those of `used` that are in the list as names of speakers alone."""


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


R = TypeVar("R", bound=StageResult)


async def once(kind: type[R], found: Mapping[str, str], keep: Keep | None, work: Callable[[], Awaitable[R]]) -> R:
    """The result of `work`, or the one that an earlier attempt stored."""
    if kind.stage in found:
        try:
            return await asyncio.to_thread(kind.load, found[kind.stage])
        except ValueError as error:  # another version of the program stored it, or it is damaged
            logger.warning("The stored result of %s cannot be read, and the stage runs again: %s", kind.stage, error)
    result = await work()
    if keep is not None:
        await keep(kind.stage, await asyncio.to_thread(result.dump))
    return result
