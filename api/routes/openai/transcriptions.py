"""`POST /v1/audio/transcriptions`."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel
from starlette.requests import ClientDisconnect

from api import security
from api.dependencies import ContextDep
from api.routes.openai import answers, events, form, models, work
from api.routes.openai.form import TranscriptionForm
from services.transcription import Transcribed

router = APIRouter(prefix="/audio", tags=["openai"], dependencies=[security.WRITER])

CLIENT_CLOSED_REQUEST = 499
"""nginx's status for a client that does not wait for the answer; only the access log shows it."""

Form = Annotated[TranscriptionForm, Depends(form.reader(TranscriptionForm))]
CONTENT: dict[str, dict[str, str]] = {"text/plain": {}, "text/event-stream": {}}


@router.post(
    "/transcriptions",
    response_model=None,
    responses=models.UNKNOWN | {200: {"model": answers.Transcription | answers.Verbose | answers.Diarized, "content": CONTENT}},
    openapi_extra=form.documented(TranscriptionForm),
)
async def create_transcription(context: ContextDep, request: Request, asked: Form) -> Response:
    """Transcribe a recording as OpenAI's API does, and forget it: it becomes no conversation, and its voices no speakers.

    Segments have the names of enrolled speakers, and of those in `known_speaker_names`.
    """
    try:
        prepared = await work.prepare(context, request, asked)
        if asked.stream:
            return events.respond(context, prepared, asked)
        found = await work.transcribe(context, request, prepared, asked)
    except ClientDisconnect:
        return Response(status_code=CLIENT_CLOSED_REQUEST)
    return await asyncio.to_thread(_answer, found, asked)


def _answer(found: Transcribed, asked: TranscriptionForm) -> Response:
    """Blocks."""
    body: BaseModel
    match asked.response_format:
        case "json":
            body = answers.transcription(found, probable=bool(asked.include))
        case "verbose_json":
            body = answers.verbose(found, asked.timestamp_granularities, "transcribe")
        case "diarized_json":
            body = answers.diarized(found)
        case "text":
            return Response(answers.text(found) + "\n", media_type="text/plain")
        case format:
            return Response(answers.subtitles(found, format), media_type="text/plain")
    return Response(body.model_dump_json(exclude_none=True), media_type="application/json")
