"""Settings of speaker and emotion recognition that can be changed while the program runs."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

# Clients rely on these bounds; the settings of the environment have the same.
SpeakerThreshold = Annotated[
    float, Field(ge=0.1, le=0.9, description="Cosine similarity above which two voices are one; higher is stricter.")
]
ContextPadding = Annotated[
    float, Field(ge=0.05, le=2.0, description="Seconds before and after a segment that are embedded with it.")
]
SilenceDuration = Annotated[float, Field(ge=0.1, le=5.0, description="Seconds of silence that end a segment of live audio.")]
FilterHallucinations = Annotated[bool, Field(description="Drop text that Whisper is known to invent in silence.")]
EmotionThreshold = Annotated[
    float, Field(ge=0.3, le=1.0, description="Similarity to a speaker's emotion profile above which the profile is used.")
]


class VoiceSettings(BaseModel):
    """The current value of every setting."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    speaker_threshold: SpeakerThreshold
    """Belongs to the current embedding model."""
    context_padding: ContextPadding
    silence_duration: SilenceDuration
    filter_hallucinations: FilterHallucinations
    emotion_threshold: EmotionThreshold


class VoiceSettingsChange(BaseModel):
    """A change of some settings; None leaves a setting as it is."""

    model_config = ConfigDict(frozen=True)

    speaker_threshold: SpeakerThreshold | None = None
    context_padding: ContextPadding | None = None
    silence_duration: SilenceDuration | None = None
    filter_hallucinations: FilterHallucinations | None = None
    emotion_threshold: EmotionThreshold | None = None
