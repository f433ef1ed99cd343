"""A recording in, a conversation out; and the same recording once more."""

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Form, Header, HTTPException, Query, Response, UploadFile
from pydantic import AfterValidator, AnyHttpUrl, Field

from api import errors, schemas
from api.dependencies import ContextDep
from api.routes.conversations import ConversationId, not_found, read
from media.decoding import AudioError
from pipeline.languages import language_code
from pipeline.process import Options
from pipeline.types import SpeakerHint
from services.context import AppContext
from services.fetch import FetchError, fetch
from services.identity import reprocessing
from services.recordings import Accepted
from storage.conversations import conversations
from storage.jobs.jobs import QueueFullError

router = APIRouter(tags=["process"])

MOST_SPEAKERS = 100

MOST_FILES = 100
BUSY = {"Retry-After": "30"}
"""Seconds after which a place in the queue may be free."""

Language = AfterValidator(lambda code: language_code(code) if code else None)
WAIT = Query(description="Answer when the transcript is there; else at once, with where to look.")
Prefer = Annotated[str | None, Header(description="`respond-async` is `wait=false` (RFC 7240).", examples=["respond-async"])]
Webhook = Annotated[
    AnyHttpUrl | None,
    Field(description="Who is told when the work has ended: a POST, signed with WEBHOOK_SECRET (docs/jobs.md)."),
]
Speakers = Annotated[int | None, Form(ge=1, le=MOST_SPEAKERS)]
SpeakersAgain = Annotated[int | None, Query(ge=1, le=MOST_SPEAKERS)]
AT_LEAST, AT_MOST = "How few may speak.", "How many may speak."

FULL: dict[int | str, dict[str, Any]] = {
    503: {"model": schemas.Error, "description": "Too many recordings wait; `Retry-After` says when to try again."}
}
FAILED: dict[int | str, dict[str, Any]] = FULL | {
    202: {"model": schemas.Accepted, "description": "Accepted, and in work; `Location` is the job."},
    500: {"model": schemas.Error, "description": "A stage failed; what there was is kept, with the reason."},
}
REFUSED: dict[int | str, dict[str, Any]] = {
    400: {"model": schemas.Error, "description": "There is no sound in the file."},
    413: {"model": schemas.Error, "description": "The file is too large."},
}
AGAIN: dict[int | str, dict[str, Any]] = {
    404: {"model": schemas.Error, "description": "There is no such conversation, or its recording is gone."},
    409: {"model": schemas.Error, "description": "It is in work already."},
}


def _waits(wait: Annotated[bool, WAIT] = True, prefer: Prefer = None) -> bool:
    return wait and not re.search(r"\brespond-async\b", prefer or "")


Waits = Annotated[bool, Depends(_waits)]


def _form(
    context: ContextDep,
    language: Annotated[
        str | None, Form(description="ISO 639-1 code; detected where none is given.", examples=["en"]), Language
    ] = None,
    num_speakers: Annotated[Speakers, Field(description="How many people speak, where that is known.")] = None,
    min_speakers: Annotated[Speakers, Field(description=AT_LEAST)] = None,
    max_speakers: Annotated[Speakers, Field(description=AT_MOST)] = None,
) -> Options:
    return _options(context, language, num_speakers, min_speakers, max_speakers)


FormOptions = Annotated[Options, Depends(_form)]


@router.post("/process", responses=FAILED | REFUSED)
async def process(
    context: ContextDep,
    response: Response,
    audio_file: Annotated[UploadFile, File(description="Any audio or video file that FFmpeg reads.")],
    options: FormOptions,
    waits: Waits,
    webhook_url: Annotated[Webhook, Form()] = None,
) -> schemas.Conversation | schemas.Accepted:
    """Transcribe a recording, tell its speakers apart, recognise those that are known, and name the emotion of every line.

    The work goes on if the client hangs up, and if the program stops; `GET /jobs/{id}` tells how far it is.
    """
    webhook = _webhook(context, webhook_url)
    with _refusals():
        accepted = await context.recordings.accept(audio_file.file, _name(audio_file), options, webhook)
    return await _answer(context, response, accepted, waits)


@router.post("/process/url", responses=FAILED | REFUSED)
async def process_url(
    context: ContextDep,
    response: Response,
    url: Annotated[AnyHttpUrl, Form(description="Where the recording is; not in the server's own network.")],
    options: FormOptions,
    waits: Waits,
    webhook_url: Annotated[Webhook, Form()] = None,
) -> schemas.Conversation | schemas.Accepted:
    """The same with a recording that the server fetches."""
    webhook, settings = _webhook(context, webhook_url), context.settings
    with _refusals(), tempfile.TemporaryFile(prefix="vivavoce-") as file:
        name = await fetch(str(url), file, settings.max_upload_mb << 20, private=settings.private_urls)
        accepted = await context.recordings.accept(file, name, options, webhook)
    return await _answer(context, response, accepted, waits)


@router.post("/process/batch", status_code=202, responses={413: REFUSED[413]})
async def process_batch(
    context: ContextDep,
    audio_files: Annotated[list[UploadFile], File(min_length=1, max_length=MOST_FILES)],
    options: FormOptions,
    webhook_url: Annotated[Webhook, Form()] = None,
) -> schemas.Batch:
    """Several recordings in one request, each a conversation of its own; answers when all are accepted or refused."""
    webhook = _webhook(context, webhook_url)
    results = []
    for file in audio_files:
        try:
            accepted = await context.recordings.accept(file.file, _name(file), options, webhook)
        except (AudioError, QueueFullError) as error:
            results.append(schemas.BatchItem(filename=_name(file), error=str(error)))
        except errors.SERVICE_ERRORS as error:  # what was accepted before is, and must be told
            if (answer := errors.service_error(error)) is None:
                raise
            results.append(schemas.BatchItem(filename=_name(file), error=answer.detail))
        else:
            ids = {"conversation_id": accepted.conversation_id, "job_id": accepted.job_id}
            results.append(schemas.BatchItem(filename=_name(file), **ids))
    return schemas.Batch(files=results)


@router.post("/conversations/{conversation_id}/reprocess", responses=FAILED | AGAIN)
async def reprocess(
    context: ContextDep,
    response: Response,
    conversation_id: ConversationId,
    waits: Waits,
    language: Annotated[
        str | None, Query(description="ISO 639-1 code; detected where none is given.", examples=["en"]), Language
    ] = None,
    num_speakers: Annotated[SpeakersAgain, Field(description="How many people speak, where that is known.")] = None,
    min_speakers: Annotated[SpeakersAgain, Field(description=AT_LEAST)] = None,
    max_speakers: Annotated[SpeakersAgain, Field(description=AT_MOST)] = None,
) -> schemas.Reprocessed | schemas.Accepted:
    """Process the stored recording again, with today's models, settings and speakers.

    What was corrected by hand stays where the words are still there: who says a line, its emotion, marks and labels. The
    transcript that there was is shown until the new one is complete, and stays if the work fails.
    """
    options = _options(context, language, num_speakers, min_speakers, max_speakers)
    try:
        with _refusals():
            accepted = await context.recordings.reprocess(conversation_id, options)
    except LookupError as error:
        raise not_found(error) from error
    except conversations.ConversationBusyError as error:
        raise HTTPException(409, str(error)) from error
    if not waits:
        return _accepted(response, accepted)
    await _finished(context, accepted)
    conversation = await read(context, conversation_id)
    if conversation.error:
        raise HTTPException(500, f"Audio processing failed: {conversation.error}")
    return schemas.Reprocessed(message="Conversation reprocessed", segments=conversation.num_segments)


@router.post("/conversations/{conversation_id}/rematch", responses=AGAIN)
async def rematch(context: ContextDep, conversation_id: ConversationId) -> schemas.Rematched:
    """Match the voices of a conversation with today's speakers and threshold again, without hearing the recording.

    Voices that were identified by hand keep their speakers, and one that nobody is like keeps the name it has.
    """
    async with context.database.session() as session:
        try:
            policy = await context.policies.lock(session)
            changed = await reprocessing.rematch(session, conversation_id, policy)
        except LookupError as error:
            raise not_found(error) from error
        except conversations.ConversationBusyError as error:
            raise HTTPException(409, str(error)) from error
    message = f"Conversation matched again. {changed.voices} voice(s) have another speaker."
    return schemas.Rematched(message=message, participants=changed.voices, segments=changed.segments)


def _options(
    context: AppContext, language: str | None, num_speakers: int | None, min_speakers: int | None, max_speakers: int | None
) -> Options:
    if min_speakers and max_speakers and min_speakers > max_speakers:
        raise HTTPException(422, f"min_speakers ({min_speakers}) must not be more than max_speakers ({max_speakers}).")
    hint = SpeakerHint(num_speakers, min_speakers, max_speakers)
    return Options(language=language or context.settings.language, hint=hint)


@contextmanager
def _refusals() -> Iterator[None]:
    """What a recording may be refused for, as an answer."""
    try:
        yield
    except (AudioError, FetchError) as error:
        raise HTTPException(400, str(error)) from error
    except QueueFullError as error:
        raise HTTPException(503, str(error), BUSY) from error


def _name(file: UploadFile) -> str:
    return PurePosixPath((file.filename or "recording").replace("\\", "/")).name


def _webhook(context: AppContext, url: AnyHttpUrl | None) -> str | None:
    if url is not None and context.settings.webhook_secret is None:
        raise HTTPException(422, "A webhook needs a secret to sign what it is sent: set WEBHOOK_SECRET on the server.")
    return None if url is None else str(url)


async def _answer(
    context: AppContext, response: Response, accepted: Accepted, waits: bool
) -> schemas.Conversation | schemas.Accepted:
    if not waits:
        return _accepted(response, accepted)
    await _finished(context, accepted)
    conversation = await read(context, accepted.conversation_id)
    if conversation.status == "failed":
        raise HTTPException(500, f"Audio processing failed: {conversation.error}")
    return conversation


async def _finished(context: AppContext, accepted: Accepted) -> None:
    if not await context.recordings.finished(accepted.conversation_id):
        job = f"/api/v1/jobs/{accepted.job_id}"
        raise HTTPException(503, f"The server stops. Your recording is kept, and {job} goes on when it starts again.")


def _accepted(response: Response, accepted: Accepted) -> schemas.Accepted:
    response.status_code = 202
    response.headers["Location"] = f"/api/v1/jobs/{accepted.job_id}"
    return schemas.Accepted(id=accepted.conversation_id, job_id=accepted.job_id, status="processing", progress=0.0)
