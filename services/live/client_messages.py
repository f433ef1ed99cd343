"""The text frames that a client sends on a live stream. docs/live.md describes them; binary frames carry the audio."""

import json
from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, TypeAdapter, ValidationError

from media.decoder import DEFAULT_SAMPLE_RATE_HZ, MAX_SAMPLE_RATE_HZ, MIN_SAMPLE_RATE_HZ, Encoding
from pipeline.decoding import PLAIN, Decoding, Hotwords, InitialPrompt, ModelName, Task
from pipeline.hotwords import text_of
from pipeline.languages import language_code
from pipeline.types import ChannelMode
from services.live.resume_token import MAX_TOKEN_LENGTH

MAX_TEXT_LENGTH = 2**16
"""Characters of a text frame."""


class NoMessageError(ValueError):
    """A text frame is not a JSON object."""


class InvalidMessageError(ValueError):
    """A field of a message is wrong; the text says which and why."""


def _mixed(channels: object) -> object:
    if channels == "separate":
        raise ValueError(
            "live audio is mixed to one channel: leave out channels=separate, open a stream for each channel, or send the "
            "recording to POST /api/v1/process"
        )
    return channels if isinstance(channels, str) else "auto"  # some clients send the number of their channels


class StartMessage(BaseModel):
    """The first message. All other fields are optional."""

    type: Literal["start"] = "start"
    sample_rate: int = Field(DEFAULT_SAMPLE_RATE_HZ, ge=MIN_SAMPLE_RATE_HZ, le=MAX_SAMPLE_RATE_HZ)
    encoding: Encoding = "float32"
    language: Annotated[str | None, AfterValidator(lambda code: language_code(code) if code else None)] = None
    title: str | None = Field(None, max_length=1000)
    num_speakers: int | None = Field(None, ge=1, le=100)
    channels: Annotated[ChannelMode, BeforeValidator(_mixed)] = "auto"
    """Only `auto` and `mix`: live channels are mixed."""
    task: Task = "transcribe"
    hotwords: Hotwords = ""
    initial_prompt: InitialPrompt = ""
    model: ModelName = ""
    enable_transcription: bool = True
    """`false`: who speaks when, and how, without words."""
    word_timestamps: bool = True
    """Send the words of each segment with their times."""
    partials: bool = False
    """Send `partial` messages."""
    speaker_update: bool = False
    """At the end, wait until the whole recording is diarized, and send `speaker_update`."""
    resumable: bool = False
    """Keep the conversation open for a while if the connection is lost."""
    conversation_id: int | None = Field(None, ge=1, le=2**31 - 1)
    """The conversation to resume."""
    resume_token: str | None = Field(None, max_length=MAX_TOKEN_LENGTH, repr=False)
    """The token of the conversation to resume, from its `started` message."""

    @property
    def decoding(self) -> Decoding:
        return Decoding(self.task, self.hotwords, self.initial_prompt, self.enable_transcription, self.model)

    def decoded_as(self, decoding: Decoding) -> Self:
        """The same with what a decoding says."""
        values = {name: getattr(decoding, name) for name in ("task", "hotwords", "initial_prompt", "model")}
        return self.model_copy(update=values | {"enable_transcription": decoding.enabled})

    def expecting(self, hotwords: Sequence[str]) -> Self:
        """The same with these hot words."""
        return self.model_copy(update={"hotwords": text_of(hotwords)})

    def continuing(self, language: str | None, decoding: Decoding) -> Self:
        """The same with what the conversation was started with, where this message leaves it out."""
        options = self if self.decoding != PLAIN else self.decoded_as(decoding)
        return options.model_copy(update={"language": self.language or language})


class StopMessage(BaseModel):
    """Ends the audio."""

    type: Literal["stop"] = "stop"


ClientMessage = Annotated[StartMessage | StopMessage, Field(discriminator="type")]
_ADAPTER: TypeAdapter[ClientMessage] = TypeAdapter(ClientMessage)


def parse(text: str) -> ClientMessage | None:
    """The message in a text frame; None if its type is unknown. Raises NoMessageError, InvalidMessageError."""
    try:
        fields = json.loads(text) if len(text) <= MAX_TEXT_LENGTH else None
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise NoMessageError('A text message must be a JSON object with a \'type\', such as {"type": "stop"}.')
    given = {name: value for name, value in fields.items() if value is not None}  # null is the default
    try:
        return _ADAPTER.validate_python(given)
    except ValidationError as error:
        if error.errors()[0]["type"].startswith("union_tag"):
            return None
        # The first part of a fault's location is the type of the message.
        faults = "; ".join(f"{'.'.join(map(str, fault['loc'][1:]))}: {fault['msg']}" for fault in error.errors())
        raise InvalidMessageError(f"The '{fields['type']}' message is wrong. {faults}") from error


def parse_binary(data: bytes) -> ClientMessage | None:
    """The message in a binary frame, as some clients send text; as `parse`. Raises NoMessageError where it is audio."""
    text = data.strip(b"\0\r\n\t ") if len(data) <= MAX_TEXT_LENGTH else b""
    if not (text.startswith(b"{") and text.endswith(b"}")):
        raise NoMessageError("The frame is audio.")
    return parse(text.decode(errors="replace"))
