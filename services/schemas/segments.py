"""Segments and search hits."""

from typing import Any

from pydantic import AliasChoices, Field

from pipeline.types import EMOTIONS
from services.schemas.base import Moment, Schema, Seconds, Similarity, SpeakerId

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
"""Example of a `detector_breakdown`."""


class Word(Schema):
    word: str = Field(
        validation_alias=AliasChoices("word", "text"),
        description="With its leading space, if there is one.",
        examples=[" Hello"],
    )
    start: Seconds
    end: Seconds
    probability: float = Field(description="Probability of the transcription, 0 to 1.")


class SegmentBase(Schema):
    """The fields of a segment in all interfaces, in transcripts and search results alike."""

    id: int
    speaker_id: SpeakerId
    speaker_name: str | None
    start_offset: Seconds
    emotion_category: str | None


class HitBase(SegmentBase):
    """The fields of a search hit in all interfaces."""

    conversation_id: int
    title: str | None = Field(description="Of the conversation.")
    time: Moment
    speaker_name: str
    snippet: str


class Segment(SegmentBase):
    """A segment of a transcript. Offsets are seconds from the start of the recording."""

    conversation_id: int
    speaker_name: str | None = Field(
        description="The given name; else `Unknown_01`, … for a voice that is recognised again, or `Unknown_A`, …",
        examples=["Unknown_01"],
    )
    text: str | None = Field(examples=["Hello, I didn't know you were there."])
    start_time: Moment
    end_time: Moment
    end_offset: Seconds
    confidence: Similarity
    speaker_probability: float | None = Field(
        None, description="Probability of the speaker at that similarity, 0 to 1; null if it is not known."
    )
    edited_at: Moment | None = Field(
        None, description="When a person changed its text or its bounds; `GET …/originals` has what it was."
    )
    overlap: bool = Field(False, description="Another speaker speaks during this segment.")
    channel: int | None = Field(
        None, description="Channel or track of the recording, from 1, where they were transcribed on their own."
    )
    language: str | None = Field(
        None, examples=["en"], description="Code of the language spoken; null where it was not stored, or nothing transcribed."
    )
    emotion_category: str | None = Field(description=f"One of {', '.join(EMOTIONS)}.", examples=["neutral"])
    emotion_confidence: float | None = Field(description="0 to 1; 1 if a person corrected the emotion.")
    activation: float | None = Field(
        None, description="How excited the speaker sounds, -1 (calm) to 1; null where no emotion was detected."
    )
    valence: float | None = Field(None, description="How pleasant the speaker sounds, -1 to 1.")
    emotion_corrected: bool = Field(False, description="A person corrected the emotion.")
    emotion_corrected_at: Moment | None = None
    emotion_misidentified: bool = Field(
        False, description="The correction was marked as wrong; the speaker's profile does not include it."
    )
    detector_breakdown: dict[str, Any] | None = Field(
        None,
        description="How the emotion was decided with the speaker's own profiles; null if the speaker has none.",
        examples=[BREAKDOWN],
    )
    words: list[Word] | None
    avg_logprob: float | None = Field(description="Mean log probability of the transcribed tokens.")
    is_misidentified: bool = Field(False, description="The segment was marked as not this speaker's voice.")
