"""Run a request: the refusals in OpenAI's terms, and what becomes of a client that is gone."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from fastapi import Request

from api import errors
from api.connected import while_connected
from api.routes.openai import models
from api.routes.openai.errors import Refused, error_of
from api.routes.openai.form import AudioForm
from media.decoding import AudioError
from pipeline.languages import chosen_language
from pipeline.process import Options
from services import failures
from services.context import AppContext
from services.transcription import KnownSpeakerError, Prepared, Transcribed, TranscriptionFailedError

CLIENT_CLOSED_REQUEST = 499
"""nginx's status for a client that does not wait for the answer; only the access log shows it."""
NO_RETRY = {"x-should-retry": "false"}
"""OpenAI's clients do not repeat the request. Calls to a dead replica were already repeated, so the recording is the cause."""
_REFUSED = (AudioError, KnownSpeakerError, TranscriptionFailedError)
ERRORS: tuple[type[Exception], ...] = (*_REFUSED, *failures.TYPES)
"""What `transcribe` of the service raises."""


async def prepare(context: AppContext, request: Request, asked: AudioForm) -> Prepared:
    """The recording of the form, decoded. Raises Refused, ClientDisconnect."""
    with _refusals():
        return await while_connected(request, context.transcriptions.prepare(asked.file.file, asked.known, asked.channels))


async def transcribe(context: AppContext, request: Request, prepared: Prepared, options: Options) -> Transcribed:
    """Raises Refused, ClientDisconnect."""
    with _refusals():
        return await while_connected(request, context.transcriptions.transcribe(prepared, options))


async def options(context: AppContext, asked: AudioForm) -> Options:
    """Raises Refused for a model that does not exist, or cannot do the task."""
    language = chosen_language(asked.language, context.settings.language)
    decoding = await models.chosen(context, asked, language)
    return Options(language=language, hint=asked.hint, channels=asked.channels, decoding=decoding)


def failure(error: Exception) -> dict[str, Any]:
    """The body of one of `ERRORS` within a stream; other errors are raised again."""
    answer = _refused(error) if isinstance(error, _REFUSED) else errors.service_error(error)
    if answer is None:
        raise error
    return error_of(answer.status_code, answer.detail)


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except _REFUSED as error:
        raise _refused(error) from error


def _refused(error: Exception) -> Refused:
    if isinstance(error, TranscriptionFailedError):
        return Refused(HTTPStatus.INTERNAL_SERVER_ERROR, f"Audio processing failed: {error}", headers=NO_RETRY)
    return Refused(HTTPStatus.BAD_REQUEST, str(error), "file" if isinstance(error, AudioError) else "known_speaker_names")
