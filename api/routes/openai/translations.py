"""`POST /v1/audio/translations`."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from starlette.requests import ClientDisconnect

from api import security
from api.dependencies import ContextDep
from api.routes.openai import answers, form, models, work
from api.routes.openai.form import TranslationForm

router = APIRouter(prefix="/audio", tags=["openai"], dependencies=[security.WRITER])

CONTENT: dict[str, dict[str, str]] = {"text/plain": {}}
Form = Annotated[TranslationForm, Depends(form.reader(TranslationForm))]


@router.post(
    "/translations",
    response_model=None,
    responses=models.UNKNOWN | {200: {"model": answers.Transcription | answers.Verbose, "content": CONTENT}},
    openapi_extra=form.documented(TranslationForm),
)
async def create_translation(context: ContextDep, request: Request, asked: Form) -> Response:
    """Write in English what is said in any language, and forget it, as `POST /v1/audio/transcriptions` does."""
    options = await work.options(context, asked)
    try:
        prepared = await work.prepare(context, request, asked)
        found = await work.transcribe(context, request, prepared, options)
    except ClientDisconnect:
        return Response(status_code=work.CLIENT_CLOSED_REQUEST)
    return await asyncio.to_thread(answers.respond, found, asked.response_format, task="translate")
