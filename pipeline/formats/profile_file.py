"""The file format of a profile, or of a checkpoint of one: speakers, participants and segments.

JSON: the fields of `Header`, and the arrays `speakers`, `participants` and `segments` of the entries below. The system
that this one replaces wrote two kinds of such files, which have no `version`: their vectors come from the models that it ran,
and they contain neither participants nor corrections.
"""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from pipeline.emotion.dual_detector import canonical
from pipeline.hotwords import MAX_HOTWORDS, Hotword
from pipeline.names import printable, spelling
from pipeline.types import EMOTIONS
from pipeline.voice_settings import VoiceSettingsChange

VERSION = 3
VOICE_MODEL = "pyannote/embedding"
EMOTION_MODEL = "emotion2vec_plus_large"
DIMENSIONS = {VOICE_MODEL: 512, EMOTION_MODEL: 1024}
"""Of the vectors of the models that the reference system ran."""
UNNAMED = "Unnamed"
LARGEST = 256 * 2**20
"""Bytes of an imported file. A speaker takes about 10 KB, a segment 0.4 KB."""


def _printable(text: str) -> str:
    if not text.isprintable() or text != text.strip():
        raise ValueError("must not have control characters, nor blanks at its ends")
    return spelling(text)


def _stored(text: str) -> str:
    """Whatever `pipeline.names` lets users write, which is more than what is printable: a no-break space, a joiner."""
    if text != text.strip():
        raise ValueError("must not have blanks at its ends")
    return printable(text)


def _spelled(name: str) -> str:
    """The spelling of a name. Older versions stored any, also one without a visible character."""
    return spelling(printable(name)) or UNNAMED


Id = Annotated[int, Field(ge=0, le=2**31 - 1)]
SegmentId = Annotated[int, Field(ge=0, le=2**63 - 1)]
Name = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_printable)]
"""Of a profile."""
Label = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_stored)]
"""The name of a model or a participant, as the database has it."""
SpeakerName = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_spelled)]
"""The name of a speaker, as `pipeline.names` spells it."""
Vector = Annotated[list[Annotated[float, Field(ge=-1e30, le=1e30)]], Field(min_length=1, max_length=4096)]
"""An embedding, of any length; text that says the same float32 numbers as the database holds."""
Count = Annotated[int, Field(ge=0, le=10**6)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Similarity = Annotated[float, Field(ge=-1, le=1)]
Seconds = Annotated[float, Field(ge=0, le=1e7)]
Emotion = Annotated[str, AfterValidator(canonical)]


class Entry(BaseModel):
    """Unknown fields are left out, so that a stored file holds only validated content."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Reference(Entry):
    """A reference vector of a speaker, and the model that computed it."""

    vector: Vector
    model: Label
    source: Label
    created_at: datetime | None = None
    speech_seconds: Seconds | None = None
    """Of clear speech that the vector was computed from."""


class EmotionProfile(Entry):
    """The emotion profile of a speaker: means over all samples, and over those that have no segment in the file."""

    emotion_category: Emotion
    embedding: Vector
    embedding_model: Label = EMOTION_MODEL
    sample_count: Annotated[int, Field(ge=1, le=10**6)]
    confidence_threshold: Fraction | None = None
    voice_embedding: Vector | None = None
    voice_embedding_model: Label = VOICE_MODEL
    voice_sample_count: Count = 0
    voice_threshold: Fraction | None = None
    imported_vector: Vector | None = None
    imported_count: Count = 0
    imported_voice_vector: Vector | None = None
    imported_voice_count: Count = 0
    created_at: datetime | None = None
    updated_at: datetime | None = None

    @model_validator(mode="after")
    def _as_many_as_it_says(self) -> "EmotionProfile":
        pairs = ((self.imported_vector, self.imported_count), (self.imported_voice_vector, self.imported_voice_count))
        if any((vector is None) != (count == 0) for vector, count in pairs):
            raise ValueError("a count of imported samples must come with their mean, and the mean with a count")
        sizes = (self.embedding, self.imported_vector), (self.voice_embedding, self.imported_voice_vector)
        if any(one and other and len(one) != len(other) for one, other in sizes):
            raise ValueError("the means of a profile must have one length")
        return self


class Speaker(Entry):
    """`embedding` is the mean of the references, for programs that read only one vector."""

    id: Id
    name: SpeakerName
    embedding: Vector | None = None
    embedding_model: Label | None = None
    emotion_threshold: Fraction | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    references: Annotated[list[Reference], Field(max_length=10_000)] = []
    emotion_profiles: Annotated[list[EmotionProfile], Field(max_length=len(EMOTIONS))] = []
    different_from: Annotated[list[Id], Field(max_length=10_000)] | None = None
    """Ids of the speakers that a person marked as different from this one; None in files of versions without them."""

    @model_validator(mode="after")
    def _one_profile_of_each_emotion(self) -> "Speaker":
        if len({profile.emotion_category for profile in self.emotion_profiles}) < len(self.emotion_profiles):
            raise ValueError("a speaker must have at most one profile of each emotion")
        return self


class Participant(Entry):
    """One voice in one conversation, and its speaker."""

    id: Id
    conversation_id: Id
    conversation_uuid: UUID
    label: Label
    speaker_id: Id | None = None
    confidence: Similarity | None = None
    enrolled: bool = True
    speech: Seconds = 0.0
    vector: Vector | None = None
    model: Label | None = None

    @model_validator(mode="after")
    def _vector_with_model(self) -> "Participant":
        if (self.vector is None) != (self.model is None):
            raise ValueError("a vector must come with the name of its model")
        return self


class Segment(Entry):
    """A segment: its participant and its manual corrections. It has vectors only if its emotion was corrected."""

    id: SegmentId
    conversation_id: Id
    conversation_uuid: UUID | None = None
    participant_id: Id | None = None
    speaker_id: Id | None = None
    speaker_name: Annotated[str, Field(max_length=255), AfterValidator(spelling)] | None = None
    is_misidentified: bool = False
    start_offset: Seconds
    end_offset: Seconds
    confidence: Similarity | None = None
    emotion_category: Emotion | None = None
    emotion_confidence: Fraction | None = None
    emotion_corrected: bool = False
    emotion_corrected_at: datetime | None = None
    emotion_misidentified: bool = False
    emotion_learned: bool = True
    emotion_vector: Vector | None = None
    emotion_model: Label | None = None
    voice_vector: Vector | None = None
    voice_model: Label | None = None

    @model_validator(mode="after")
    def _complete(self) -> "Segment":
        if self.emotion_corrected and self.emotion_category is None:
            raise ValueError("a corrected emotion must be given")
        vectors = ((self.emotion_vector, self.emotion_model), (self.voice_vector, self.voice_model))
        if any(vector is not None and model is None for vector, model in vectors):
            raise ValueError("a vector must come with the name of its model")
        return self


class Vocabulary(Entry):
    """The hot words of the installation."""

    hotwords: Annotated[list[Annotated[Hotword, Field(min_length=1)]], Field(max_length=MAX_HOTWORDS)] = []
    include_speaker_names: bool = False


class Header(Entry):
    """The fields beside the arrays. `name` is the profile's; a checkpoint has it under `profile_name`."""

    version: Annotated[int, Field(ge=1, le=VERSION)] = 1
    timestamp: Annotated[str, Field(max_length=40)] = ""
    name: Name
    description: Annotated[str, Field(max_length=2000)] | None = None
    type: Literal["profile", "checkpoint"] = "profile"
    embedding_model: Label = VOICE_MODEL
    settings: VoiceSettingsChange | None = None
    vocabulary: Vocabulary | None = None

    @model_validator(mode="before")
    @classmethod
    def _of_checkpoint(cls, value: Any) -> Any:
        return {"name": value.get("profile_name"), **value} if isinstance(value, dict) else value


HEADER_KEYS = {*Header.model_fields, "profile_name"}


def upgraded(speaker: Speaker) -> Speaker:
    """A speaker of a file without `version`: one vector, and profiles with segment ids of another system."""
    references = [Reference(vector=speaker.embedding, model=VOICE_MODEL, source="imported")] if speaker.embedding else []
    profiles = [
        profile.model_copy(
            update={
                "imported_vector": profile.embedding,
                "imported_count": profile.sample_count,
                "imported_voice_vector": profile.voice_embedding,
                "imported_voice_count": (profile.voice_sample_count or 1) if profile.voice_embedding else 0,
            }
        )
        for profile in speaker.emotion_profiles
    ]
    model = VOICE_MODEL if speaker.embedding else None
    return speaker.model_copy(update={"references": references, "emotion_profiles": profiles, "embedding_model": model})


def wrong_length(speaker: Speaker) -> str | None:
    """Where a vector of a model of the reference system has another length than that model gives; None where none has.

    A vector without a model is one of the reference system's.
    """
    vectors = [("embedding", speaker.embedding, speaker.embedding_model or VOICE_MODEL)]
    vectors += [(f"references.{number}.vector", one.vector, one.model) for number, one in enumerate(speaker.references)]
    for number, one in enumerate(speaker.emotion_profiles):
        place = f"emotion_profiles.{number}"
        vectors.append((f"{place}.embedding", one.embedding, one.embedding_model))
        vectors.append((f"{place}.voice_embedding", one.voice_embedding, one.voice_embedding_model))
    for place, vector, model in vectors:
        if vector is not None and len(vector) != (expected := DIMENSIONS.get(model, len(vector))):
            return f"{place}: it has {len(vector)} numbers, and a vector of {model} has {expected}"
    return None


def render(header: Header, speakers: Iterable[str], participants: Iterable[str], segments: Iterable[str]) -> str:
    """The file's text, of entries that are JSON already."""
    head = header.model_dump(mode="json", exclude={"name"})
    head |= {"profile_name" if header.type == "checkpoint" else "name": header.name}
    arrays = {"speakers": speakers, "participants": participants, "segments": segments}
    comma = ",\n"
    parts = (f"{json.dumps(name)}: [\n{comma.join(entries)}]" for name, entries in arrays.items())
    return f"{json.dumps(head)[:-1]},\n{comma.join(parts)}}}\n"
