"""What may be changed about recognising voices and emotions while the program runs."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

# Clients know these bounds; the environment's values have the same.
SpeakerThreshold = Annotated[
    float, Field(ge=0.1, le=0.9, description="Cosine similarity above which two voices are one; higher is stricter.")
]
ContextPadding = Annotated[
    float, Field(ge=0.05, le=2.0, description="Seconds heard before and after a segment when its voice is recognised.")
]
SilenceDuration = Annotated[float, Field(ge=0.1, le=5.0, description="Seconds of silence that end a line of live audio.")]
FilterHallucinations = Annotated[bool, Field(description="Drop what Whisper is known to make up in silence.")]
EmotionThreshold = Annotated[
    float, Field(ge=0.3, le=1.0, description="Similarity to a speaker's emotion profile above which it counts.")
]


class VoiceSettings(BaseModel):
    """All of them, as they are in force: nothing is left open."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    speaker_threshold: SpeakerThreshold
    """Belongs to the embedding model that is running."""
    context_padding: ContextPadding
    silence_duration: SilenceDuration
    filter_hallucinations: FilterHallucinations
    emotion_threshold: EmotionThreshold


class VoiceSettingsChange(BaseModel):
    """Any subset of them; what is None stays as it is."""

    model_config = ConfigDict(frozen=True)

    speaker_threshold: SpeakerThreshold | None = None
    context_padding: ContextPadding | None = None
    silence_duration: SilenceDuration | None = None
    filter_hallucinations: FilterHallucinations | None = None
    emotion_threshold: EmotionThreshold | None = None
