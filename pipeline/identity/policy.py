"""The settings that decide who a voice belongs to."""

from dataclasses import dataclass

from pipeline.voice_settings import VoiceSettings


@dataclass(frozen=True, slots=True)
class IdentityPolicy:
    """What is in force while voices are identified."""

    model: str
    """The speaker embedding model that is running; the speaker threshold belongs to it."""
    voice: VoiceSettings
    personalized: bool = True
    """Whether emotions are detected with the profiles of the speakers."""
