"""Transcripts in OpenAI's response formats. Fields that OpenAI does not have, such as `emotion`, are additions."""

import math
import zlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from fastapi import Response
from pydantic import Field

from api import schemas
from pipeline.decoding import Task
from pipeline.formats import export
from pipeline.languages import language_name
from pipeline.transcript import unstored
from pipeline.types import ConversationSegment, Word
from services.transcription import Transcribed

UNKNOWN = "unknown"
"""The language of a recording without speech."""
FRAMES_PER_S = 100
"""Whisper's; `seek` counts them."""
LANGUAGES = Field(None, description="Those spoken, the most spoken first; not in a translation.")
NOTES = Field(None, description="What was left out or changed, with its reason and time; an addition.")


class Usage(schemas.Schema):
    type: Literal["duration"] = "duration"
    seconds: float


class Logprob(schemas.Schema):
    token: str = Field(description="A word.")
    bytes: list[int] = Field(description="The word in UTF-8.")
    logprob: float


class Language(schemas.Schema):
    code: str = Field(examples=["en"])


class Transcription(schemas.Schema):
    """`json`."""

    text: str
    languages: list[Language] | None = LANGUAGES
    usage: Usage
    logprobs: list[Logprob] | None = Field(None, description="Of each word, with `include[]=logprobs`.")
    notes: list[schemas.Note] | None = NOTES


class TimedWord(schemas.Schema):
    word: str
    start: float
    end: float


class VerboseSegment(schemas.Schema):
    id: int
    seek: int
    start: float
    end: float
    text: str
    tokens: list[int] = Field([], description="Always empty: tokens are not kept.")
    temperature: float = 0.0
    avg_logprob: float
    compression_ratio: float
    no_speech_prob: float = Field(0.0, description="Always 0: stretches without speech are not transcribed.")
    speaker: str
    emotion: str | None
    language: str | None = Field(description="The code of the language spoken; an addition, as the speaker and the emotion.")


class Verbose(schemas.Schema):
    """`verbose_json`."""

    task: Task
    language: str = Field(description="In English, as OpenAI's.", examples=["english"])
    duration: float
    text: str
    segments: list[VerboseSegment] | None = None
    words: list[TimedWord] | None = None
    usage: Usage
    notes: list[schemas.Note] | None = NOTES


class DiarizedSegment(schemas.Schema):
    type: Literal["transcript.text.segment"] = "transcript.text.segment"
    id: str
    start: float
    end: float
    speaker: str = Field(description="The name of a known speaker; other voices are A, B, …")
    text: str
    emotion: str | None


class Diarized(schemas.Schema):
    """`diarized_json`."""

    task: Literal["transcribe"] = "transcribe"
    duration: float
    text: str
    segments: list[DiarizedSegment]
    usage: Usage
    notes: list[schemas.Note] | None = NOTES


def pieces(segments: Sequence[ConversationSegment]) -> list[str]:
    """The text of each segment; joined, they are the text of all. A word's leading space belongs to it."""
    raw = ["".join(word.text for word in segment.words or ()) for segment in segments]
    return [raw[0].lstrip(), *raw[1:]] if raw else []


def text(found: Transcribed) -> str:
    return "".join(pieces(found.segments))


def usage(found: Transcribed) -> Usage:
    return Usage(seconds=round(found.transcript.duration, 3))


def notes(found: Transcribed) -> list[schemas.Note] | None:
    return [schemas.Note.model_validate(note) for note in found.transcript.notes] or None


def languages(found: Transcribed) -> list[Language]:
    return [Language(code=code) for code in unstored.languages(found.transcript)]


def logprobs(segments: Sequence[ConversationSegment]) -> list[Logprob]:
    return [_logprob(word) for segment in segments for word in segment.words or ()]


def transcription(found: Transcribed, task: Task, *, probable: bool) -> Transcription:
    return Transcription(
        text=text(found),
        languages=languages(found) if task == "transcribe" else None,
        usage=usage(found),
        logprobs=logprobs(found.segments) if probable else None,
        notes=notes(found),
    )


def verbose(found: Transcribed, granularities: Sequence[str], task: Task) -> Verbose:
    shown = granularities or ["segment"]
    return Verbose(
        task=task,
        language="english" if task == "translate" else language_name(found.transcript.language or UNKNOWN),
        duration=found.transcript.duration,
        text=text(found),
        segments=[_segment(at, one) for at, one in enumerate(found.segments)] if "segment" in shown else None,
        words=[_word(word) for one in found.segments for word in one.words or ()] if "word" in shown else None,
        usage=usage(found),
        notes=notes(found),
    )


def diarized(found: Transcribed) -> Diarized:
    segments = [diarized_segment(one) for one in found.segments]
    duration = found.transcript.duration
    return Diarized(duration=duration, text=text(found), segments=segments, usage=usage(found), notes=notes(found))


def diarized_segment(segment: ConversationSegment) -> DiarizedSegment:
    return DiarizedSegment(
        id=f"seg_{segment.id}",
        start=segment.start_offset,
        end=segment.end_offset,
        speaker=segment.speaker_name,
        text=segment.text,
        emotion=segment.emotion_category,
    )


def respond(
    found: Transcribed,
    format: Literal["json", "text", "srt", "verbose_json", "vtt"],
    *,
    task: Task = "transcribe",
    granularities: Sequence[str] = (),
    probable: bool = False,
) -> Response:
    """The response to either route. Blocks."""
    if format == "json":
        return json(transcription(found, task, probable=probable))
    if format == "verbose_json":
        return json(verbose(found, granularities, task))
    content = f"{text(found)}\n" if format == "text" else subtitles(found, format)
    return Response(content, media_type="text/plain")


def json(body: schemas.Schema) -> Response:
    return Response(body.model_dump_json(exclude_none=True), media_type="application/json")


def subtitles(found: Transcribed, format: Literal["srt", "vtt"]) -> str:
    """Without the names of the speakers, as OpenAI's."""
    unnamed = [replace(segment, speaker_name="") for segment in found.segments]
    return export.to_srt(unnamed) if format == "srt" else export.to_vtt(unnamed)


def _segment(at: int, segment: ConversationSegment) -> VerboseSegment:
    return VerboseSegment(
        id=at,
        seek=int(segment.start_offset * FRAMES_PER_S),
        start=segment.start_offset,
        end=segment.end_offset,
        text=segment.text,
        avg_logprob=segment.avg_logprob or 0.0,
        compression_ratio=_compression_ratio(segment.text),
        speaker=segment.speaker_name,
        emotion=segment.emotion_category,
        language=segment.language,
    )


def _word(word: Word) -> TimedWord:
    return TimedWord(word=word.text.strip(), start=word.start, end=word.end)


def _logprob(word: Word) -> Logprob:
    probability = max(word.probability, 1e-10)
    return Logprob(token=word.text, bytes=list(word.text.encode()), logprob=math.log(probability))


def _compression_ratio(text: str) -> float:
    """As Whisper defines it."""
    data = text.encode()
    return len(data) / len(zlib.compress(data))
