"""The settings by which voices are identified."""

from dataclasses import dataclass

from pipeline.voice_settings import VoiceSettings


@dataclass(frozen=True, slots=True)
class IdentityPolicy:
    """The model and the settings that apply in one transaction."""

    model: str
    """The speaker embedding model that is running, to which the speaker threshold belongs."""
    voice: VoiceSettings
    personalized: bool = True
    """Whether emotions are detected with the profiles of the speakers."""
