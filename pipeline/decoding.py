"""Options of a request for the transcriber, other than the language."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from pipeline.names import printable

Task = Literal["transcribe", "translate"]
"""`translate`: the text is English, whichever language is spoken."""

MAX_PROMPT_CHARS = 1000
"""Whisper reads 223 tokens of prompt, about 900 characters of English."""


def prompt_text(text: str) -> str:
    """`text` with single spaces. Raises ValueError for control characters and for Whisper's own tokens, such as `<|de|>`."""
    text = printable(" ".join(text.split()))
    if "<|" in text:
        raise ValueError("Leave out '<|': it begins a control token of Whisper.")
    return text


PromptText = Annotated[str, Field(max_length=MAX_PROMPT_CHARS), AfterValidator(prompt_text)]


def _on_one_line(text: object) -> object:
    """A list with one hot word on each line, as one with commas."""
    return ", ".join(filter(None, map(str.strip, text.splitlines()))) if isinstance(text, str) else text


Hotwords = Annotated[
    PromptText,
    BeforeValidator(_on_one_line),
    Field(description="Names and terms that are likely to occur.", examples=["Vivavoce, pgvector, Siobhán"]),
]
InitialPrompt = Annotated[
    PromptText, Field(description="Text that precedes the recording, or an example of its spelling and punctuation.")
]


MAX_MODEL_CHARS = 200
ModelName = Annotated[
    str,
    Field(max_length=MAX_MODEL_CHARS, description="One of `models` in `GET /status`.", examples=["large-v3-turbo"]),
    AfterValidator(printable),
]


@dataclass(frozen=True, slots=True)
class Decoding:
    """How a recording is written down. A job's row stores it."""

    task: Task = "transcribe"
    hotwords: Hotwords = ""
    initial_prompt: InitialPrompt = ""
    enabled: bool = True
    """Without it, segments are the turns of the speakers, without words."""
    model: ModelName = ""
    """Empty: the default one."""
    expected_language: str | None = None
    """The language that is probable where it is detected, as that of the rest of the recording."""


PLAIN = Decoding()
