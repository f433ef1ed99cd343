"""All settings. Each is read from the environment, or `.env`, under its name in capitals."""

import base64
import binascii
import os
import socket
from functools import cached_property
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import quote, urlsplit

import psutil
from platformdirs import user_cache_path, user_data_path
from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from pipeline.access import Role
from pipeline.languages import language_code
from pipeline.origins import Authority, Origin
from pipeline.voice_settings import ContextPadding, EmotionThreshold, FilterHallucinations, SilenceDuration, SpeakerThreshold

NAME = "vivavoce"
LOOPBACK = ("localhost", "127.0.0.1", "::1")
IP_FAMILIES = (socket.AF_INET, socket.AF_INET6)


def _default_data_path() -> Path:
    # The embedded PostgreSQL will not run as root: it changes to a user of its own, who must be able to reach the files.
    # A home directory is not the place for that, least of all root's.
    return Path("/var/lib", NAME) if os.getuid() == 0 else user_data_path(NAME)


def _split_commas(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _host_names(names: list[str]) -> list[str]:
    hosts = [Authority.parse(name) for name in names]
    if not all(hosts):
        raise ValueError("must be names or addresses of this server, such as vivavoce.example.org, separated by commas")
    return [host.host for host in hosts if host]


def _origins(texts: list[str]) -> list[str]:
    origins = [Origin.parse(text.removesuffix("/")) for text in texts]
    if not all(origins):
        raise ValueError("must be origins of web pages, such as https://pages.example.org, separated by commas")
    return list(map(str, origins))


def _language(code: str) -> str:
    return code if code == "auto" else language_code(code)


def _named(models: list[str]) -> list[str]:
    if "auto" in models:
        raise ValueError("must be names of models, directories or repositories; auto is for WHISPER_MODEL")
    return models


def _webhook_secret(secret: SecretStr) -> SecretStr:
    try:
        key = base64.b64decode(secret.get_secret_value().removeprefix("whsec_"), validate=True)
    except binascii.Error:
        key = b""
    if len(key) < 24:  # bytes, the minimum of https://www.standardwebhooks.com
        raise ValueError("must be at least 24 random bytes in base64, such as `openssl rand -base64 32` prints")
    return secret


def _issuer(url: str) -> str:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        raise ValueError("must be a URL") from None
    if not host or parts.scheme not in ("http", "https") or (parts.scheme == "http" and host not in LOOPBACK):
        raise ValueError("must begin with https://, as the login is sent there")
    return url


def _http_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https"):
        raise ValueError("must be a URL that begins with http:// or https://")
    return url


def is_loopback(host: str) -> bool:
    """Whether only programs on this machine reach a server that listens on the host."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_this_machine(url: str) -> bool:
    """Whether the URL's host is an address of this machine. A name other than localhost is none: a name server resolves it."""
    host = ""
    try:
        host = urlsplit(url).hostname or ""
        address = ip_address(host)
    except ValueError:
        return host == "localhost"
    own = (each.address for addresses in psutil.net_if_addrs().values() for each in addresses if each.family in IP_FAMILIES)
    return address.is_loopback or address.is_unspecified or address in map(ip_address, own)


def uses_proxy(url: str) -> bool:
    """Whether a request to the URL may go through a proxy of the environment: one to this machine would leave it."""
    return not is_this_machine(url)


def _readable(path: Path) -> Path:
    if not os.access(path, os.R_OK):
        raise ValueError(f"{path} cannot be read")
    return path


def _postgresql(url: str) -> str:
    if url.startswith("sqlite"):
        raise ValueError(
            "is SQLite, and Vivavoce keeps its data in PostgreSQL: leave DATABASE_URL out to use the embedded one; "
            "`vivavoce import-legacy` imports the file of the reference system (docs/operations.md, section Migration)"
        )
    return url


def _with_password(url: str, password: str) -> str:
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    if not at:
        raise ValueError("DATABASE_URL names no user, but DATABASE_PASSWORD_FILE is set")
    return parts._replace(netloc=f"{user.partition(':')[0]}:{quote(password, safe='')}@{host}").geturl()


class Settings(BaseSettings):
    """The defaults need no token, no GPU and no root."""

    model_config = SettingsConfigDict(
        env_file=".env", extra="ignore", frozen=True, populate_by_name=True, env_ignore_empty=True, allow_inf_nan=False
    )

    # Where things are
    data_path: Path = Field(default_factory=_default_data_path, validation_alias=AliasChoices("DATA_PATH", "VOLUMES_PATH"))
    """Recordings and, without DATABASE_URL, the database."""
    models_path: Path = Field(default_factory=lambda: user_cache_path(NAME) / "models")
    """Downloaded weights."""
    database_url: Annotated[str, AfterValidator(_postgresql)] | None = None
    """`postgresql+asyncpg://…`; without it an embedded PostgreSQL runs under `data_path`."""
    database_password_file: Annotated[Path, AfterValidator(_readable)] | None = None
    """A file with the password for `database_url`: Docker and Kubernetes mount secrets as files."""
    audio_url: str | None = None
    """An fsspec URL for recordings, such as `s3://bucket/prefix`; without it they lie under `data_path`."""

    # The server
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=1, le=65535)
    auth: Literal["auto", "required"] = "auto"
    """`required`: every client needs an API key or a login. `auto`: where `host` is a loopback address, clients on this machine
    need none."""
    allowed_hosts: Annotated[list[str], NoDecode, BeforeValidator(_split_commas), AfterValidator(_host_names)] = []
    """Comma-separated names under which clients reach the server, beside localhost and `host`."""
    vivavoce_key: SecretStr | None = None
    """API key that commands send to a running application; by default, on this machine, the one in the data directory."""
    forwarded_allow_ips: str = ""
    """Comma-separated addresses or networks of proxies from which `X-Forwarded-For` and `X-Forwarded-Proto` are trusted."""
    cors_origins: Annotated[list[str], NoDecode, BeforeValidator(_split_commas), AfterValidator(_origins)] = [
        "http://localhost:3000"
    ]
    """Comma-separated origins of web pages that may call the API; by default the one of the reference system's front end."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "WARNING"
    max_upload_mb: int = Field(2048, gt=0)
    max_duration_hours: float = Field(12.0, gt=0)
    max_queued: int = Field(1000, ge=1)
    """Limit of queued recordings; further ones are refused."""
    recordings_at_once: Annotated[int, Field(ge=1)] | None = None
    """Recordings that a process works on at a time; default: 4 on one machine, 32 in each worker of a cluster."""
    retention_audio_days: Annotated[int, Field(ge=1)] | None = None
    """Days after which a recording is removed; its transcript stays. Without it recordings are kept."""
    retention_transcript_days: Annotated[int, Field(ge=1)] | None = None
    """Days after which a conversation is erased with its recording. Without it conversations are kept."""
    webhook_secret: Annotated[SecretStr, AfterValidator(_webhook_secret)] | None = None
    """Key in base64 that signs webhook requests; without it webhooks are refused."""

    # Logins
    session_days: float = Field(14.0, gt=0, le=400)
    """Days after which a login in a browser ends."""
    oidc_issuer: Annotated[str, AfterValidator(_issuer)] | None = None
    """URL of an OpenID Connect provider; without it people log in with passwords only."""
    oidc_client_id: str | None = None
    oidc_client_secret: SecretStr | None = None
    """None for a public client, which PKCE protects."""
    oidc_default_role: Role | None = None
    """Role of everyone that the provider lets in; without it, only people with an account come in."""

    # Limits of each person, and of each key without an owner; a client of this machine without a key has none
    limit_requests_per_minute: int = Field(6000, ge=1)
    limit_queued_hours: float = Field(200.0, gt=0)
    """Hours of audio in the queue."""
    limit_streams: int = Field(20, ge=1)
    """Live conversations at a time."""
    limit_fetched_gb_per_day: float = Field(100.0, gt=0)
    """Recordings that the server downloads from URLs."""

    # Live audio
    max_streams: int = Field(100, ge=1)
    """Concurrent live conversations on each ingress replica."""
    stream_idle_seconds: float = Field(60.0, gt=0)
    """A client that sends nothing for this time is disconnected."""
    stream_resume_seconds: float = Field(60.0, ge=0)
    """How long a resumable stream waits for its client after a lost connection."""
    ws_send_timeout_seconds: float = Field(10.0, gt=0)
    """A client that reads nothing for this time is disconnected."""
    segment_handler_timeout_seconds: float = Field(600.0, gt=0)
    """Time limit of the models for a segment of live audio."""
    private_urls: bool = False
    """Allow URLs in the server's own network for recordings and webhooks; clients could use it to probe that network."""

    # A language model for titles, summaries and answers: off without a URL
    llm_url: Annotated[str, AfterValidator(_http_url)] | None = None
    """Base URL of a server with OpenAI's interface, such as `http://localhost:11434/v1`. Transcripts are sent there."""
    llm_model: str | None = None
    """The model's name on that server."""
    llm_api_key: SecretStr | None = None
    llm_context_tokens: Annotated[int, Field(ge=1024)] | None = None
    """Tokens of a prompt and its answer together; by default the size that the server reports."""
    llm_tokens_per_day: Annotated[int, Field(ge=1)] | None = None
    """Tokens that may be read and written in a day (UTC); without it there is no limit."""

    # Models: a name, a local directory, or `auto`: full-size where there is a GPU, the embedded ones on a CPU
    whisper_model: str = "auto"
    whisper_models: Annotated[list[str], NoDecode, BeforeValidator(_split_commas), AfterValidator(_named)] = []
    """Comma-separated further models that a request may name, each as in `whisper_model`; they are loaded when one does."""
    diarization_model: str = "auto"
    embedding_model: str = "auto"
    emotion_model: str = "auto"
    text_embedding_model: str = "auto"
    """For search by meaning."""
    text_embedding_url: Annotated[str, AfterValidator(_http_url)] | None = None
    """A server with OpenAI's `/embeddings`, such as `http://127.0.0.1:11434/v1`: it gets the texts of all transcripts, and runs
    `text_embedding_model`."""
    text_embedding_api_key: SecretStr | None = None
    whisper_language: Annotated[str, AfterValidator(_language)] = "auto"
    """ISO 639-1 code, or `auto` to detect it in each recording."""
    hf_token: SecretStr | None = None
    """For gated models on the Hugging Face hub."""
    offline_mode: bool = False
    """Use only downloaded models; contact no hub and no package index."""
    cpu_threads: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1)
    """Threads of each model on a CPU."""

    # Voice settings: their values until they are changed at run time, and after a reset
    speaker_threshold: SpeakerThreshold | None = None
    """Cosine similarity above which two voices are one speaker, higher is stricter; default: the embedding model's own."""
    speaker_threshold_model: str | None = None
    """The embedding model that `speaker_threshold` was chosen for. Without it a value that is too low for the running model is
    taken for another one's, and not used (`pipeline.identity.thresholds`)."""
    context_padding: ContextPadding = 0.15
    """Seconds of context before and after a segment for its voice embedding."""
    silence_duration: SilenceDuration = 0.5
    """Seconds of silence that end a segment of live audio."""
    filter_hallucinations: FilterHallucinations = True
    """Drop text that Whisper is known to produce in silence."""
    emotion_threshold: EmotionThreshold = 0.6
    """Similarity above which a speaker's emotion profile counts."""
    endpointing: Literal["silero", "energy"] = "silero"
    """How live audio is cut into segments: by Silero VAD or by loudness."""
    enable_personalized_emotions: bool = True
    """Use emotion profiles that learn from corrections; otherwise the general model decides."""

    @model_validator(mode="after")
    def _client_of_issuer(self) -> Self:
        if (self.oidc_issuer is None) != (self.oidc_client_id is None):
            raise ValueError("OIDC_ISSUER and OIDC_CLIENT_ID belong together: set both, or none")
        return self

    @model_validator(mode="after")
    def _model_of_server(self) -> Self:
        if self.text_embedding_url and self.text_embedding_model == "auto":
            raise ValueError("TEXT_EMBEDDING_URL needs the name of the server's model in TEXT_EMBEDDING_MODEL")
        return self

    @model_validator(mode="after")
    def _model_of_llm(self) -> Self:
        if (self.llm_url is None) != (self.llm_model is None):
            raise ValueError("LLM_URL and LLM_MODEL belong together: set both, or none")
        return self

    @model_validator(mode="after")
    def _read_password(self) -> Self:
        if self.database_url and self.database_password_file:
            url = _with_password(self.database_url, self.database_password_file.read_text().strip())
            object.__setattr__(self, "database_url", url)  # the model is frozen
        return self

    @cached_property
    def pg_path(self) -> Path:
        """Directory of the embedded PostgreSQL."""
        return self.data_path / "postgres"

    @property
    def key_required(self) -> bool:
        """Every request needs a key or a login, also one of a client on this machine."""
        return self.auth == "required" or not is_loopback(self.host)

    @property
    def address(self) -> str:
        """URL at which clients on this machine reach the server. One that listens on all addresses is reached on loopback."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104  # compared with, not bound to
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def llm_server(self) -> str:
        """Host and port of `llm_url`; empty where there is none."""
        return urlsplit(self.llm_url or "").netloc.rpartition("@")[2]

    @property
    def language(self) -> str | None:
        return None if self.whisper_language == "auto" else self.whisper_language

    def chosen(self) -> dict[str, Any]:
        """The settings that differ from their defaults, as arguments of `Settings` in another process."""
        return {name: getattr(self, name) for name in self.model_fields_set}
