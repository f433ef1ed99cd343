"""`POST /v1/audio/transcriptions`."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from starlette.requests import ClientDisconnect

from api import security
from api.dependencies import ContextDep
from api.routes.openai import answers, events, form, models, work
from api.routes.openai.form import TranscriptionForm
from services.transcription import Transcribed

router = APIRouter(prefix="/audio", tags=["openai"], dependencies=[security.WRITER])

CONTENT: dict[str, dict[str, str]] = {"text/plain": {}, "text/event-stream": {}}
Form = Annotated[TranscriptionForm, Depends(form.reader(TranscriptionForm))]


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
    options = await work.options(context, asked)
    try:
        prepared = await work.prepare(context, request, asked)
        if asked.stream:
            return events.respond(context, prepared, options, asked)
        found = await work.transcribe(context, request, prepared, options)
    except ClientDisconnect:
        return Response(status_code=work.CLIENT_CLOSED_REQUEST)
    return await asyncio.to_thread(_answer, found, asked)


def _answer(found: Transcribed, asked: TranscriptionForm) -> Response:
    """Blocks."""
    if asked.response_format == "diarized_json":
        return answers.json(answers.diarized(found))
    return answers.respond(
        found, asked.response_format, granularities=asked.timestamp_granularities, probable=bool(asked.include)
    )
