"""A recording in, a conversation out; and the same recording once more."""

from functools import partial
from pathlib import PurePosixPath
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, HTTPException, Query, Response, UploadFile
from pydantic import AfterValidator, Field

from deployments.api import schemas
from deployments.api.conversations import ConversationId, not_found, read
from deployments.api.rules import rules
from deployments.api.services import Services, ServicesDep
from pipeline.audio import AudioError
from pipeline.languages import language_code
from pipeline.process import Options
from pipeline.types import SpeakerHint
from storage import conversations, revision

router = APIRouter(tags=["process"])

MOST_SPEAKERS = 100

Language = AfterValidator(lambda code: language_code(code) if code else None)
Wait = Annotated[bool, Query(description="Answer when the transcript is there; else at once, with where to look.")]
Speakers = Annotated[int | None, Form(ge=1, le=MOST_SPEAKERS)]
SpeakersAgain = Annotated[int | None, Query(ge=1, le=MOST_SPEAKERS)]

FAILED: dict[int | str, dict[str, Any]] = {
    202: {"model": schemas.Progress, "description": "With `wait=false`: accepted, and in work."},
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


@router.post("/process", responses=FAILED | REFUSED)
async def process(
    services: ServicesDep,
    response: Response,
    audio_file: Annotated[UploadFile, File(description="Any audio or video file that FFmpeg reads.")],
    language: Annotated[
        str | None, Form(description="ISO 639-1 code; detected where none is given.", examples=["en"]), Language
    ] = None,
    num_speakers: Annotated[Speakers, Field(description="How many people speak, where that is known.")] = None,
    min_speakers: Speakers = None,
    max_speakers: Speakers = None,
    wait: Wait = True,
) -> schemas.Conversation | schemas.Progress:
    """Transcribe a recording, tell its speakers apart, recognise those that are known, and name the emotion of every line.

    The work goes on if the client hangs up; `GET /conversations/{id}/progress` tells how far it is.
    """
    options = _options(services, language, num_speakers, min_speakers, max_speakers)
    name = PurePosixPath((audio_file.filename or "recording").replace("\\", "/")).name
    try:
        live = partial(rules, services)
        conversation_id = await services.recordings.accept(audio_file.file, name, options, live)
    except AudioError as error:
        raise HTTPException(400, str(error)) from error
    if not wait:
        return _accepted(response, conversation_id)
    await services.recordings.finished(conversation_id)
    conversation = await read(services, conversation_id)
    if conversation.status == "failed":
        raise HTTPException(500, f"Audio processing failed: {conversation.error}")
    return conversation


@router.post("/conversations/{conversation_id}/reprocess", responses=FAILED | AGAIN)
async def reprocess(
    services: ServicesDep,
    response: Response,
    conversation_id: ConversationId,
    language: Annotated[
        str | None, Query(description="ISO 639-1 code; detected where none is given.", examples=["en"]), Language
    ] = None,
    num_speakers: Annotated[SpeakersAgain, Field(description="How many people speak, where that is known.")] = None,
    min_speakers: SpeakersAgain = None,
    max_speakers: SpeakersAgain = None,
    wait: Wait = True,
) -> schemas.Reprocessed | schemas.Progress:
    """Process the stored recording again, with today's models, settings and speakers.

    What was corrected by hand stays where the words are still there: who says a line, its emotion, marks and labels. The
    transcript that there was is shown until the new one is complete, and stays if the work fails.
    """
    options = _options(services, language, num_speakers, min_speakers, max_speakers)
    try:
        await services.recordings.reprocess(conversation_id, options, partial(rules, services))
    except LookupError as error:
        raise not_found(error) from error
    except conversations.ConversationBusy as error:
        raise HTTPException(409, str(error)) from error
    if not wait:
        return _accepted(response, conversation_id)
    await services.recordings.finished(conversation_id)
    conversation = await read(services, conversation_id)
    if conversation.error:
        raise HTTPException(500, f"Audio processing failed: {conversation.error}")
    return schemas.Reprocessed(message="Conversation reprocessed", segments=conversation.num_segments)


@router.post("/conversations/{conversation_id}/rematch", responses=AGAIN)
async def rematch(services: ServicesDep, conversation_id: ConversationId) -> schemas.Rematched:
    """Match the voices of a conversation with today's speakers and threshold again, without hearing the recording.

    Voices that were identified by hand keep their speakers, and one that nobody is like keeps the name it has.
    """
    live = await rules(services)
    async with services.database.session() as session:
        try:
            changed = await revision.rematch(session, conversation_id, live)
        except LookupError as error:
            raise not_found(error) from error
        except conversations.ConversationBusy as error:
            raise HTTPException(409, str(error)) from error
    message = f"Conversation matched again. {changed.voices} voice(s) have another speaker."
    return schemas.Rematched(message=message, participants=changed.voices, segments=changed.segments)


def _options(
    services: Services, language: str | None, num_speakers: int | None, min_speakers: int | None, max_speakers: int | None
) -> Options:
    if min_speakers and max_speakers and min_speakers > max_speakers:
        raise HTTPException(422, f"min_speakers ({min_speakers}) must not be more than max_speakers ({max_speakers}).")
    hint = SpeakerHint(num_speakers, min_speakers, max_speakers)
    return Options(language=language or services.settings.language, hint=hint)


def _accepted(response: Response, conversation_id: int) -> schemas.Progress:
    response.status_code = 202
    response.headers["Location"] = f"/api/v1/conversations/{conversation_id}/progress"
    return schemas.Progress(id=conversation_id, status="processing", progress=0.0)
