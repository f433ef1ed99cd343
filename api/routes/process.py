"""Process recordings, and process stored recordings again."""

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Form, Header, HTTPException, Query, Response, UploadFile
from pydantic import AfterValidator, AnyHttpUrl, Field

from api import errors, schemas, security
from api.decoding import FormDecoding, FormWords, QueryDecoding
from api.dependencies import ContextDep, ConversationId, not_found
from api.routes.conversations import read
from media.decoding import AudioError
from pipeline.decoding import Decoding
from pipeline.languages import chosen_language, language_code
from pipeline.process import Options
from pipeline.types import ChannelMode, SpeakerHint
from services import failures
from services.access import audit
from services.access.limits import fetch_counted
from services.context import AppContext
from services.fetch import FetchError
from services.identity import reprocessing
from services.recordings import Accepted
from storage.conversations import conversations
from storage.jobs.limit import QueueFullError

router = APIRouter(tags=["process"], dependencies=[security.WRITER])

MOST_SPEAKERS = 100

MOST_FILES = 100
BUSY = {"Retry-After": "30"}
"""Seconds after which the queue may have room."""

Language = AfterValidator(lambda code: language_code(code) if code else None)
WAIT = Query(description="Respond when the transcript is complete; otherwise at once, with the address of the job.")
Prefer = Annotated[str | None, Header(description="`respond-async` is `wait=false` (RFC 7240).", examples=["respond-async"])]
Webhook = Annotated[
    AnyHttpUrl | None,
    Field(description="URL that gets a POST when the job has ended, signed with WEBHOOK_SECRET (docs/jobs.md)."),
]
Speakers = Annotated[int | None, Form(ge=1, le=MOST_SPEAKERS)]
SpeakersAgain = Annotated[int | None, Query(ge=1, le=MOST_SPEAKERS)]
CHANNELS = (
    "What becomes of channels or audio tracks: `separate` transcribes each on its own, with one speaker each unless more are "
    "asked for; `mix` transcribes their mix; `auto` separates where they hold different speech."
)
AT_LEAST, AT_MOST = "Minimum number of speakers.", "Maximum number of speakers."

FULL: dict[int | str, dict[str, Any]] = {
    503: {"model": schemas.Error, "description": "Too many recordings are queued; `Retry-After` says when to try again."}
}
FAILED: dict[int | str, dict[str, Any]] = FULL | {
    202: {"model": schemas.Accepted, "description": "Accepted and queued; `Location` is the job."},
    500: {"model": schemas.Error, "description": "A stage failed; the conversation is kept, with the reason."},
}
REFUSED: dict[int | str, dict[str, Any]] = {
    400: {"model": schemas.Error, "description": "The file holds no audio."},
    413: {"model": schemas.Error, "description": "The file is too large."},
}
AGAIN: dict[int | str, dict[str, Any]] = {
    404: {"model": schemas.Error, "description": "There is no such conversation, or its recording does not exist any more."},
    409: {"model": schemas.Error, "description": "It is being processed already."},
}


def _waits(wait: Annotated[bool, WAIT] = True, prefer: Prefer = None) -> bool:
    return wait and not re.search(r"\brespond-async\b", prefer or "")


Waits = Annotated[bool, Depends(_waits)]


async def _form(
    context: ContextDep,
    decoding: FormDecoding,
    language: Annotated[
        str | None, Form(description="ISO 639-1 code; detected where none is given.", examples=["en"]), Language
    ] = None,
    num_speakers: Annotated[Speakers, Field(description="Number of speakers, where it is known.")] = None,
    min_speakers: Annotated[Speakers, Field(description=AT_LEAST)] = None,
    max_speakers: Annotated[Speakers, Field(description=AT_MOST)] = None,
    channels: Annotated[ChannelMode, Form(description=CHANNELS)] = "auto",
) -> Options:
    return await _options(context, language, num_speakers, min_speakers, max_speakers, channels, decoding)


FormOptions = Annotated[Options, Depends(_form)]


@router.post("/process", responses=FAILED | REFUSED)
async def process(
    context: ContextDep,
    response: Response,
    audio_file: Annotated[UploadFile, File(description="Any audio or video file that FFmpeg reads.")],
    options: FormOptions,
    waits: Waits,
    webhook_url: Annotated[Webhook, Form()] = None,
    word_timestamps: FormWords = True,
) -> schemas.Conversation | schemas.Accepted:
    """Transcribe a recording, separate its speakers, recognise known ones, and classify the emotion of every segment.

    The job continues if the client disconnects, and after a restart of the program; `GET /jobs/{id}` shows its progress.
    """
    webhook = _webhook(context, webhook_url)
    with _refusals():
        accepted = await context.recordings.accept(audio_file.file, _name(audio_file), options, webhook)
    return await _answer(context, response, accepted, waits, words=word_timestamps)


@router.post("/process/url", responses=FAILED | REFUSED)
async def process_url(
    context: ContextDep,
    response: Response,
    url: Annotated[AnyHttpUrl, Form(description="URL of the recording; not in the server's own network.")],
    options: FormOptions,
    waits: Waits,
    webhook_url: Annotated[Webhook, Form()] = None,
    word_timestamps: FormWords = True,
) -> schemas.Conversation | schemas.Accepted:
    """The same for a recording that the server downloads."""
    webhook, settings = _webhook(context, webhook_url), context.settings
    with _refusals(), tempfile.TemporaryFile(prefix="vivavoce-") as file:
        name = await fetch_counted(context.database, settings, str(url), file)
        accepted = await context.recordings.accept(file, name, options, webhook)
    return await _answer(context, response, accepted, waits, words=word_timestamps)


@router.post("/process/batch", status_code=202, responses={413: REFUSED[413]})
async def process_batch(
    context: ContextDep,
    audio_files: Annotated[list[UploadFile], File(min_length=1, max_length=MOST_FILES)],
    options: FormOptions,
    webhook_url: Annotated[Webhook, Form()] = None,
) -> schemas.Batch:
    """Several recordings in one request, one conversation each; responds when all are accepted or refused."""
    webhook = _webhook(context, webhook_url)
    results = []
    for file in audio_files:
        try:
            accepted = await context.recordings.accept(file.file, _name(file), options, webhook)
        except (AudioError, QueueFullError) as error:
            results.append(schemas.BatchItem(filename=_name(file), error=str(error)))
        except failures.TYPES as error:  # the files accepted before stay accepted and must be reported
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
    decoding: QueryDecoding,
    language: Annotated[
        str | None, Query(description="ISO 639-1 code; detected where none is given.", examples=["en"]), Language
    ] = None,
    num_speakers: Annotated[SpeakersAgain, Field(description="Number of speakers, where it is known.")] = None,
    min_speakers: Annotated[SpeakersAgain, Field(description=AT_LEAST)] = None,
    max_speakers: Annotated[SpeakersAgain, Field(description=AT_MOST)] = None,
    channels: Annotated[
        ChannelMode, Query(description="`mix` mixes the channels that the stored recording keeps apart, if it does.")
    ] = "auto",
) -> schemas.Reprocessed | schemas.Accepted:
    """Process the stored recording again, with today's models, settings and speakers.

    Manual corrections are kept where the words still exist: speaker and emotion of a segment, marks and labels. The present
    transcript is shown until the new one is complete, and stays if the job fails.
    """
    options = await _options(context, language, num_speakers, min_speakers, max_speakers, channels, decoding)
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
    """Match the participants of a conversation with the present speakers and threshold again, without the recording.

    Participants that were identified manually keep their speakers, and one that matches no speaker keeps its name.
    """
    async with context.database.session() as session:
        try:
            policy = await context.policies.lock(session)
            changed = await reprocessing.rematch(session, conversation_id, policy)
            await audit.record(session, "conversation.rematch", f"conversation:{conversation_id}")
        except LookupError as error:
            raise not_found(error) from error
        except conversations.ConversationBusyError as error:
            raise HTTPException(409, str(error)) from error
    message = f"Conversation matched again. {changed.voices} voice(s) have another speaker."
    return schemas.Rematched(message=message, participants=changed.voices, segments=changed.segments)


async def _options(
    context: AppContext,
    language: str | None,
    num_speakers: int | None,
    min_speakers: int | None,
    max_speakers: int | None,
    channels: ChannelMode,
    decoding: Decoding,
) -> Options:
    spoken = chosen_language(language, context.settings.language)
    try:
        hint = SpeakerHint.checked(num_speakers, min_speakers, max_speakers)
        decoding = await context.models.chosen(decoding, spoken)
    except ValueError as error:
        raise HTTPException(422, str(error)) from error
    return Options(language=spoken, hint=hint, channels=channels, decoding=decoding)


@contextmanager
def _refusals() -> Iterator[None]:
    """Turn the errors of a refused recording into HTTP errors."""
    try:
        yield
    except (AudioError, FetchError) as error:
        raise HTTPException(400, str(error)) from error
    except QueueFullError as error:
        raise HTTPException(503, str(error), BUSY) from error


def _name(file: UploadFile) -> str:
    name = PurePosixPath((file.filename or "recording").replace("\\", "/")).name
    return name.encode(errors="replace").decode()  # decoded from some charsets that a form may declare, it has lone surrogates


def _webhook(context: AppContext, url: AnyHttpUrl | None) -> str | None:
    if url is not None and context.settings.webhook_secret is None:
        raise HTTPException(422, "A webhook needs a secret to sign what it is sent: set WEBHOOK_SECRET on the server.")
    return None if url is None else str(url)


async def _answer(
    context: AppContext, response: Response, accepted: Accepted, waits: bool, *, words: bool
) -> schemas.Conversation | schemas.Accepted:
    if not waits:
        return _accepted(response, accepted)
    await _finished(context, accepted)
    conversation = await read(context, accepted.conversation_id, words=words)
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
