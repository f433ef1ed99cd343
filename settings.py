"""Every setting, once. Each is read from the environment (or `.env`) under its own name in capitals."""

import base64
import binascii
import os
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from platformdirs import user_cache_path, user_data_path
from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from pipeline.languages import language_code
from pipeline.voice_settings import ContextPadding, EmotionThreshold, FilterHallucinations, SilenceDuration, SpeakerThreshold

NAME = "vivavoce"


def _default_data_path() -> Path:
    # The embedded PostgreSQL will not run as root: it changes to a user of its own, who must be able to reach the files.
    # A home directory is not the place for that, least of all root's.
    return Path("/var/lib", NAME) if os.getuid() == 0 else user_data_path(NAME)


def _split_commas(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _language(code: str) -> str:
    return code if code == "auto" else language_code(code)


def _webhook_secret(secret: SecretStr) -> SecretStr:
    try:
        key = base64.b64decode(secret.get_secret_value().removeprefix("whsec_"), validate=True)
    except binascii.Error:
        key = b""
    if len(key) < 24:  # bytes, the least that https://www.standardwebhooks.com asks for
        raise ValueError("must be at least 24 random bytes in base64, such as `openssl rand -base64 32` prints")
    return secret


class Settings(BaseSettings):
    """The defaults need no token, no GPU and no root."""

    model_config = SettingsConfigDict(
        env_file=".env", extra="ignore", frozen=True, populate_by_name=True, env_ignore_empty=True
    )

    # Where things are
    data_path: Path = Field(default_factory=_default_data_path, validation_alias=AliasChoices("DATA_PATH", "VOLUMES_PATH"))
    """Recordings and, without DATABASE_URL, the database."""
    models_path: Path = Field(default_factory=lambda: user_cache_path(NAME) / "models")
    """Downloaded weights."""
    database_url: str | None = None
    """`postgresql+asyncpg://…`; without it an embedded PostgreSQL runs under `data_path`."""
    audio_url: str | None = None
    """An fsspec URL for recordings, such as `s3://bucket/prefix`; without it they lie under `data_path`."""

    # The server
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=1, le=65535)
    cors_origins: Annotated[list[str], NoDecode, BeforeValidator(_split_commas)] = []
    """Comma-separated origins whose pages may call the API."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "WARNING"
    max_upload_mb: int = Field(2048, gt=0)
    max_duration_hours: float = Field(12.0, gt=0)
    max_queued: int = Field(1000, ge=1)
    """Recordings that may wait to be processed; more are refused until there is room."""
    webhook_secret: Annotated[SecretStr, AfterValidator(_webhook_secret)] | None = None
    """Signs what is sent to the webhooks that clients name, in base64; without it none may be named."""

    # Live audio
    max_streams: int = Field(100, ge=1)
    """Live conversations at a time, on each replica of the ingress."""
    stream_idle_seconds: float = Field(60.0, gt=0)
    """A client that sends nothing for so long is disconnected."""
    stream_resume_seconds: float = Field(60.0, ge=0)
    """How long a lost connection may be taken up again, where its client asked for that."""
    ws_send_timeout_seconds: float = Field(10.0, gt=0)
    """A client that reads nothing for so long is disconnected."""
    segment_handler_timeout_seconds: float = Field(600.0, gt=0)
    """How long the models may take for a line of live audio."""
    private_urls: bool = False
    """Let recordings be fetched from URLs in the server's own network, which MCP clients could probe by it."""

    # Models: a name, a local directory, or `auto`: full-size where there is a GPU, the embedded ones on a CPU
    whisper_model: str = "auto"
    diarization_model: str = "auto"
    embedding_model: str = "auto"
    emotion_model: str = "auto"
    whisper_language: Annotated[str, AfterValidator(_language)] = "auto"
    """ISO 639-1 code, or `auto` to detect it in each recording."""
    hf_token: SecretStr | None = None
    """For gated models on the Hugging Face hub."""
    offline_mode: bool = False
    """Use what has been downloaded; ask no hub and no package index."""
    cpu_threads: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1)
    """Threads of each model on a CPU."""

    # Behaviour: what the voice settings are until they are changed, and after they are reset
    speaker_threshold: SpeakerThreshold | None = None
    """Cosine similarity from which two voices are one, higher is stricter; without it, the embedding model's own."""
    context_padding: ContextPadding = 0.15
    """Seconds heard before and after a segment when its voice is recognised."""
    silence_duration: SilenceDuration = 0.5
    """Seconds of silence that end a line of live audio."""
    filter_hallucinations: FilterHallucinations = True
    """Drop what Whisper is known to make up in silence."""
    emotion_threshold: EmotionThreshold = 0.6
    """Similarity to a speaker's emotion profile above which it counts."""
    endpointing: Literal["silero", "energy"] = "silero"
    """What tells where a line of live audio begins and ends: Silero's network, or how loud it is."""
    enable_personalized_emotions: bool = True
    """Let corrections teach how each speaker sounds; else the general model's answer stands."""

    @cached_property
    def pg_path(self) -> Path:
        """Where the embedded PostgreSQL lives."""
        return self.data_path / "postgres"

    @property
    def language(self) -> str | None:
        return None if self.whisper_language == "auto" else self.whisper_language

    def chosen(self) -> dict[str, Any]:
        """The settings that differ from their defaults, as `Settings(**…)` takes them: what another process must be told."""
        return {name: getattr(self, name) for name in self.model_fields_set}
