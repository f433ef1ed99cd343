"""A recording in, a conversation out."""

from pathlib import PurePosixPath
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, HTTPException, Query, Response, UploadFile
from pydantic import AfterValidator, Field

from deployments.api import schemas
from deployments.api.conversations import read
from deployments.api.services import ServicesDep
from pipeline.audio import AudioError
from pipeline.languages import language_code
from pipeline.process import Options
from pipeline.types import SpeakerHint

router = APIRouter(tags=["process"])

Speakers = Annotated[int | None, Form(ge=1, le=100)]

RESPONSES: dict[int | str, dict[str, Any]] = {
    202: {"model": schemas.Progress, "description": "With `wait=false`: accepted, and in work."},
    400: {"model": schemas.Error, "description": "There is no sound in the file."},
    413: {"model": schemas.Error, "description": "The file is too large."},
    500: {"model": schemas.Error, "description": "A stage failed; the conversation is kept, with the reason."},
}


@router.post("/process", responses=RESPONSES)
async def process(
    services: ServicesDep,
    response: Response,
    audio_file: Annotated[UploadFile, File(description="Any audio or video file that FFmpeg reads.")],
    language: Annotated[
        str | None,
        Form(description="ISO 639-1 code; detected where none is given.", examples=["en"]),
        AfterValidator(lambda code: language_code(code) if code else None),
    ] = None,
    num_speakers: Annotated[Speakers, Field(description="How many people speak, where that is known.")] = None,
    min_speakers: Speakers = None,
    max_speakers: Speakers = None,
    wait: Annotated[bool, Query(description="Answer when the transcript is there; else at once, with where to look.")] = True,
) -> schemas.Conversation | schemas.Progress:
    """Transcribe a recording, tell its speakers apart, recognise those that are known, and name the emotion of every line.

    The work goes on if the client hangs up; `GET /conversations/{id}/progress` tells how far it is.
    """
    if min_speakers and max_speakers and min_speakers > max_speakers:
        raise HTTPException(422, f"min_speakers ({min_speakers}) must not be more than max_speakers ({max_speakers}).")
    options = Options(
        language=language or services.settings.language,
        hint=SpeakerHint(num_speakers, min_speakers, max_speakers),
        filter_hallucinations=services.settings.filter_hallucinations,
    )
    name = PurePosixPath((audio_file.filename or "recording").replace("\\", "/")).name
    try:
        conversation_id = await services.recordings.accept(audio_file.file, name, options)
    except AudioError as error:
        raise HTTPException(400, str(error)) from error
    if not wait:
        response.status_code = 202
        response.headers["Location"] = f"/api/v1/conversations/{conversation_id}/progress"
        return schemas.Progress(id=conversation_id, status="processing", progress=0.0)
    await services.recordings.finished(conversation_id)
    conversation = await read(services, conversation_id)
    if conversation.status == "failed":
        raise HTTPException(500, f"Audio processing failed: {conversation.error}")
    return conversation
