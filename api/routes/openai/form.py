"""The form of a transcription request.

It is read by hand: lists arrive under names with brackets (`languages[]`) and objects as several fields
(`chunking_strategy[type]`), and FastAPI knows one spelling of a name only. Names without brackets are accepted, too.
"""

import base64
import binascii
from collections.abc import AsyncIterator, Callable, Set
from itertools import starmap, zip_longest
from typing import Annotated, Any, Literal, Self, TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from api.routes.openai.errors import Refused
from pipeline.decoding import MAX_PROMPT_CHARS, Decoding, prompt_text
from pipeline.languages import language_code
from pipeline.names import Name
from pipeline.types import ChannelMode, SpeakerHint
from services.transcription import KnownSpeaker

MAX_FIELDS = 1000
MAX_TEXT_BYTES = 2**23
"""Of all fields but the file, which are read into memory. Ten seconds of uncompressed stereo are 2.4 MB as a data URL."""
MAX_KNOWN = 20
"""Known speakers: each sample goes through the stages."""
MAX_SPEAKERS = 100
MAX_TEXT_CHARS = 10_000
"""Of a prompt. Whisper reads the end, for which the pipeline has a limit of its own."""
MAX_KEYWORDS, MAX_KEYWORD_CHARS = 1000, 200
LISTS = ("timestamp_granularities", "include", "keywords", "languages", "known_speaker_names", "known_speaker_references")

STREAMED = ("json", "text", "diarized_json")


def _data_url(value: object) -> object:
    """The bytes of a data URL in base64."""
    if not isinstance(value, str):
        return value
    head, comma, data = value.partition(",")
    if not (comma and head.startswith("data:") and head.endswith(";base64")):
        raise ValueError("send a data URL, such as data:audio/wav;base64,UklGR…")
    try:
        return base64.b64decode(data, validate=True)
    except binascii.Error as error:
        raise ValueError("the data URL is not valid base64") from error


Language = Annotated[str, AfterValidator(language_code)]
Text = Annotated[str, AfterValidator(lambda text: prompt_text(text.replace("<|", "<")))]
Sample = Annotated[bytes, BeforeValidator(_data_url)]
Speakers = Annotated[int, Field(ge=1, le=MAX_SPEAKERS)]


class AudioForm(BaseModel):
    """The fields of both routes. Those that OpenAI does not have are additions, sent with `extra_body`."""

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="ignore")

    file: Annotated[
        UploadFile,
        WithJsonSchema({"type": "string", "format": "binary", "description": "Any audio or video file that FFmpeg reads."}),
    ]
    model: str = Field(description="A name of `GET /v1/models`.", examples=["whisper-1"])
    prompt: Text = Field("", max_length=MAX_TEXT_CHARS, description="Text in the wanted style; its last 223 tokens count.")
    temperature: float = Field(0.0, ge=0, le=1, description="Accepted; the transcript does not depend on it.")
    language: Language | None = Field(None, description="ISO 639-1 code; detected where none is given.", examples=["en"])
    num_speakers: Speakers | None = Field(None, description="Number of speakers, where it is known.")
    min_speakers: Speakers | None = Field(None, description="Minimum number of speakers.")
    max_speakers: Speakers | None = Field(None, description="Maximum number of speakers.")
    channels: ChannelMode = Field("auto", description="As of `POST /api/v1/process`.")

    @model_validator(mode="after")
    def _check_hint(self) -> Self:
        SpeakerHint.checked(self.num_speakers, self.min_speakers, self.max_speakers)
        return self

    @property
    def hint(self) -> SpeakerHint:
        return SpeakerHint(self.num_speakers, self.min_speakers, self.max_speakers)

    @property
    def known(self) -> list[KnownSpeaker]:
        return []

    @property
    def decoding(self) -> Decoding:
        return Decoding(initial_prompt=self.prompt[-MAX_PROMPT_CHARS:])


class TranslationForm(AudioForm):
    """`prompt` is in English."""

    response_format: Literal["json", "text", "srt", "verbose_json", "vtt"] = "json"

    @property
    def decoding(self) -> Decoding:
        return Decoding("translate", initial_prompt=self.prompt[-MAX_PROMPT_CHARS:])


class TranscriptionForm(AudioForm):
    response_format: Literal["json", "text", "srt", "verbose_json", "vtt", "diarized_json"] = "json"
    keywords: list[Annotated[Text, Field(max_length=MAX_KEYWORD_CHARS)]] = Field(
        [], max_length=MAX_KEYWORDS, description="Words that are likely to occur, before those of the settings."
    )
    languages: list[Language] = Field(
        [], max_length=100, description="Expected languages. One is as `language`; of several it is detected."
    )
    timestamp_granularities: list[Literal["word", "segment"]] = Field([], max_length=2, description="Of `verbose_json`.")
    include: list[Literal["logprobs"]] = Field([], max_length=1, description="Of `json`: the log probability of each word.")
    known_speaker_names: list[Name] = Field(
        [], max_length=MAX_KNOWN, description="Speakers of `known_speaker_references`, in their order, then enrolled ones."
    )
    known_speaker_references: list[Sample] = Field(
        [], max_length=MAX_KNOWN, description="Samples of their voices, 2 to 10 s each, as data URLs."
    )
    stream: bool = Field(False, description="Answer with server-sent events; for `json`, `text` and `diarized_json`.")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.timestamp_granularities and self.response_format != "verbose_json":
            raise ValueError("timestamp_granularities needs response_format=verbose_json")
        if self.include and self.response_format != "json":
            raise ValueError("include=logprobs needs response_format=json")
        if self.stream and self.response_format not in STREAMED:
            raise ValueError(f"stream=true needs one of the response formats {', '.join(STREAMED)}")
        if len(self.known_speaker_references) > len(self.known_speaker_names):
            raise ValueError("known_speaker_names needs a name for each of known_speaker_references")
        if self.language is None and len(self.languages) == 1:
            (self.language,) = self.languages
        return self

    @property
    def known(self) -> list[KnownSpeaker]:
        return list(starmap(KnownSpeaker, zip_longest(self.known_speaker_names, self.known_speaker_references)))

    @property
    def decoding(self) -> Decoding:
        hotwords = ", ".join(self.keywords)[:MAX_PROMPT_CHARS]
        return Decoding(hotwords=hotwords, initial_prompt=self.prompt[-MAX_PROMPT_CHARS:])


F = TypeVar("F", bound=AudioForm)


def reader(model: type[F]) -> Callable[[Request], AsyncIterator[F]]:
    """A dependency that reads a form of this model. The file is closed when the request ends."""

    async def read(request: Request) -> AsyncIterator[F]:
        form = await _parsed(request)
        try:
            yield _validated(model, form)
        finally:
            await form.close()

    return read


def documented(model: type[AudioForm]) -> dict[str, Any]:
    """What FastAPI would add to the OpenAPI document."""
    schema = model.model_json_schema(by_alias=True)
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}


class _Parser(MultiPartParser):
    """Limits all fields together; Starlette limits each."""

    _text_bytes = 0

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._current_part.file is None:
            self._text_bytes += end - start
            if self._text_bytes > MAX_TEXT_BYTES:
                raise MultiPartException(f"The fields beside the file are larger than {MAX_TEXT_BYTES >> 20} MB.")
        super().on_part_data(data, start, end)


async def _parsed(request: Request) -> FormData:
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise Refused(400, "Send the recording as a form, multipart/form-data, with the fields file and model.")
    parser = _Parser(request.headers, request.stream(), max_files=1, max_fields=MAX_FIELDS, max_part_size=MAX_TEXT_BYTES)
    try:
        return await parser.parse()
    except MultiPartException as error:
        raise Refused(400, error.message) from error
    except UnicodeError as error:  # codecs such as punycode raise more than the UnicodeDecodeError that Starlette expects
        raise Refused(400, "The form cannot be read: send it in UTF-8, without `charset` in its Content-Type.") from error


def _validated(model: type[F], form: FormData) -> F:
    try:
        return model.model_validate(_fields(form, set(model.model_fields)))
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_url=False, include_input=False)) from error


def _fields(form: FormData, names: Set[str]) -> dict[str, object]:
    """The values of known fields, under names without brackets. An object's fields are left out."""
    found: dict[str, Any] = {}
    for key, value in form.multi_items():
        name = key.removesuffix("[]")
        if name in LISTS:
            found.setdefault(name, []).append(value)
        elif name in names:
            found[name] = value
    return found
