"""The steps of a change of speakers, as `identity_changes.before` stores them: JSON, discriminated by `do`.

A step holds the data that undoes it. Rows that the change deletes or overwrites are stored as copies. The models say which
JSON this program reads: a field that is added needs a default, and a change that older rows do not fit needs a new `version`
of `ChangeRecord`.
"""

from datetime import datetime
from typing import Annotated, Literal

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer, PlainValidator
from pydantic_core import from_json

from pipeline.names import spelling
from pipeline.types import Vector


def _vector(value: str | Vector) -> Vector:
    return value if isinstance(value, np.ndarray) else np.array(from_json(value), np.float32)


def _text(vector: Vector) -> str:
    return f"[{','.join(map(str, vector))}]"


VectorText = Annotated[Vector, PlainValidator(_vector), PlainSerializer(_text, return_type=str, when_used="json")]
"""A vector as pgvector writes it: a string, in the shortest numbers that read back as the same float32."""

Spelled = Annotated[str, AfterValidator(lambda name: spelling(name) or name)]
"""A speaker's name. Older versions stored it as it was given."""


class _Stored(BaseModel):
    # Unknown fields are refused: a step that this program reads only in part must not be undone.
    model_config = ConfigDict(frozen=True, extra="forbid", from_attributes=True, populate_by_name=True)


class SpeakerCopy(_Stored):
    """A row of `speakers`."""

    id: int
    name: Spelled
    emotion_threshold: float | None
    created_at: datetime
    updated_at: datetime


class VoiceprintCopy(_Stored):
    """A row of `voiceprints`."""

    id: int
    speaker_id: int
    vector: VectorText
    model: str
    source: str
    created_at: datetime
    speech_seconds: float | None = None


class ProfileCopy(_Stored):
    """A row of `emotion_profiles`."""

    id: int
    speaker_id: int
    emotion_category: str
    vector: VectorText
    model: str
    sample_count: int
    confidence_threshold: float | None
    voice_vector: VectorText | None
    voice_model: str | None
    voice_sample_count: int
    voice_threshold: float | None
    imported_vector: VectorText | None
    imported_count: int
    imported_voice_vector: VectorText | None
    imported_voice_count: int
    created_at: datetime
    updated_at: datetime


class ParticipantCopy(_Stored):
    """A row of `participants`."""

    id: int
    conversation_id: int
    label: str
    speaker_id: int | None
    confidence: float | None
    vector: VectorText | None
    model: str | None
    speech: float
    enrolled: bool


class SpeakerCreated(_Stored):
    do: Literal["create"] = "create"
    speaker: int


class SpeakerRenamed(_Stored):
    do: Literal["rename"] = "rename"
    speaker: int
    former: Spelled = Field(alias="from")
    name: Spelled = Field(alias="to")


class ParticipantsAssigned(_Stored):
    """Participants of one speaker became another's; None stands for no speaker."""

    do: Literal["give"] = "give"
    participants: list[int]
    source: int | None = Field(alias="from")
    target: int | None = Field(alias="to")


class ParticipantsEnrolled(_Stored):
    """The vectors of participants became references of their speakers, or, with `enrolled` false, no longer are."""

    do: Literal["enroll"] = "enroll"
    participants: list[int]
    enrolled: bool = Field(alias="to")


class VoiceprintAdded(_Stored):
    do: Literal["add_sample"] = "add_sample"
    voiceprint: int


class VoiceprintsAssigned(_Stored):
    """Voiceprints of one speaker became another's."""

    do: Literal["give_samples"] = "give_samples"
    voiceprints: list[int]
    source: int = Field(alias="from")
    target: int = Field(alias="to")


class ProfilesReplaced(_Stored):
    """The emotion profiles of a speaker, as they were."""

    do: Literal["profiles"] = "profiles"
    speaker: int
    rows: list[ProfileCopy]


Pairs = Annotated[list[tuple[int, int]], Field(exclude_if=lambda pairs: not pairs)]
"""Left out where there are none, so that versions that do not know them read the change."""


class RemovedRows(_Stored):
    """The rows that were deleted with speakers."""

    voiceprints: list[VoiceprintCopy]
    emotion_profiles: list[ProfileCopy]
    distinct: Pairs = []
    """Pairs of different people."""
    passed_on: Pairs = []
    """Such pairs that the speaker got from the deleted one when both became one."""


class SpeakersRemoved(_Stored):
    do: Literal["remove"] = "remove"
    speakers: list[SpeakerCopy]
    rows: RemovedRows


class ParticipantAdded(_Stored):
    do: Literal["add"] = "add"
    participant: int


class SegmentMoved(_Stored):
    """A segment went to another participant; `rows` are both participants as they were."""

    do: Literal["move"] = "move"
    segment: int
    source: int = Field(alias="from")
    target: int = Field(alias="to")
    rows: list[ParticipantCopy]


class SegmentConfirmed(_Stored):
    """A user confirmed the speaker of a segment. `rows` has its former participant if the segment was misidentified."""

    do: Literal["confirm"] = "confirm"
    segment: int
    confidence: float | None
    is_misidentified: bool
    rows: list[ParticipantCopy]


ChangeStep = Annotated[
    SpeakerCreated
    | SpeakerRenamed
    | ParticipantsAssigned
    | ParticipantsEnrolled
    | VoiceprintAdded
    | VoiceprintsAssigned
    | ProfilesReplaced
    | SpeakersRemoved
    | ParticipantAdded
    | SegmentMoved
    | SegmentConfirmed,
    Field(discriminator="do"),
]


class ChangeRecord(_Stored):
    """All of `identity_changes.before`. Rows that are older than the field `version` have version 1."""

    version: Literal[1] = 1
    steps: list[ChangeStep]
    merged: list[tuple[int, int]]
    """Speakers that became one: the deleted speaker, and the one it became."""
