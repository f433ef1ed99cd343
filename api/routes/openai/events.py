"""The answer as server-sent events, for `stream=true`.

The text is sent when all of it is known: what is dropped as a hallucination, and who speaks, follow from the whole recording,
and the deltas of a stream cannot be withdrawn. Until then a comment every 15 s keeps the client from timing out.
"""

import json
from collections.abc import AsyncIterator
from typing import Literal

from pydantic import Field
from sse_starlette import EventSourceResponse, ServerSentEvent

from api import schemas
from api.routes.openai import answers, work
from api.routes.openai.form import TranscriptionForm
from pipeline.process import Options
from services.context import AppContext
from services.transcription import Prepared, Transcribed

COMMENT_INTERVAL_S = 15


class Delta(schemas.Schema):
    type: Literal["transcript.text.delta"] = "transcript.text.delta"
    delta: str
    segment_id: str | None = Field(None, description="With `diarized_json`.")
    logprobs: list[answers.Logprob] | None = None


class Done(schemas.Schema):
    type: Literal["transcript.text.done"] = "transcript.text.done"
    text: str
    languages: list[answers.Language] | None = answers.LANGUAGES
    logprobs: list[answers.Logprob] | None = None
    notes: list[schemas.Note] | None = None


def respond(context: AppContext, prepared: Prepared, options: Options, asked: TranscriptionForm) -> EventSourceResponse:
    return EventSourceResponse(_events(context, prepared, options, asked), ping=COMMENT_INTERVAL_S)


async def _events(
    context: AppContext, prepared: Prepared, options: Options, asked: TranscriptionForm
) -> AsyncIterator[ServerSentEvent]:
    try:
        found = await context.transcriptions.transcribe(prepared, options)
    except work.ERRORS as error:
        yield ServerSentEvent(json.dumps(work.failure(error)), event="error")
        return
    for event in _parts(found, asked):
        yield ServerSentEvent(event.model_dump_json(exclude_none=True))


def _parts(found: Transcribed, asked: TranscriptionForm) -> list[schemas.Schema]:
    """A delta for each segment; joined, they are the text of the last event."""
    diarized, logprobs = asked.response_format == "diarized_json", bool(asked.include)
    parts: list[schemas.Schema] = []
    for segment, piece in zip(found.segments, answers.pieces(found.segments), strict=True):
        shown = answers.diarized_segment(segment)
        parts.append(
            Delta(
                delta=piece,
                segment_id=shown.id if diarized else None,
                logprobs=answers.logprobs([segment]) if logprobs else None,
            )
        )
        if diarized:
            parts.append(shown)
    whole = answers.logprobs(found.segments) if logprobs else None
    said, spoken = answers.text(found), answers.languages(found)
    return [*parts, Done(text=said, languages=spoken, logprobs=whole, notes=answers.notes(found))]
