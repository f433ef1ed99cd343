"""Parameters for the transcriber, as fields of a form and as query parameters."""

from typing import Annotated

from fastapi import Depends, Form, Query
from pydantic import Field

from pipeline.decoding import Decoding, Hotwords, InitialPrompt, ModelName, Task

_ENABLED = Field(description="`false`: who speaks when, and with which emotion, without words.")
_WORDS = Field(description="`false` leaves the words of the segments, with their times, out of the answer; they are stored.")
_TASK = Field(description="`translate` writes English, whichever language is spoken.")


def _form(
    task: Annotated[Task, _TASK, Form()] = "transcribe",
    hotwords: Annotated[Hotwords, Form()] = "",
    initial_prompt: Annotated[InitialPrompt, Form()] = "",
    enable_transcription: Annotated[bool, _ENABLED, Form()] = True,
    model: Annotated[ModelName, Form()] = "",
) -> Decoding:
    return Decoding(task, hotwords, initial_prompt, enable_transcription, model)


def _query(
    task: Annotated[Task, _TASK, Query()] = "transcribe",
    hotwords: Annotated[Hotwords, Query()] = "",
    initial_prompt: Annotated[InitialPrompt, Query()] = "",
    enable_transcription: Annotated[bool, _ENABLED, Query()] = True,
    model: Annotated[ModelName, Query()] = "",
) -> Decoding:
    return Decoding(task, hotwords, initial_prompt, enable_transcription, model)


FormDecoding = Annotated[Decoding, Depends(_form)]
QueryDecoding = Annotated[Decoding, Depends(_query)]
FormWords = Annotated[bool, _WORDS, Form()]
QueryWords = Annotated[bool, _WORDS, Query()]
