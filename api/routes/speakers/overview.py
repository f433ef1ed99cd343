"""An overview of all speakers, samples of a voice, and pairs that a person marked as different people."""

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Response
from pydantic import Field

from api import schemas, security
from api.dependencies import ContextDep
from api.routes.speakers.speakers import MISSING, SpeakerId
from services.identity.speaker_admin import SameSpeakerError
from services.schemas.base import Seconds
from storage.speakers.speakers import SpeakerNotFoundError

router = APIRouter(prefix="/speakers", tags=["speakers"], dependencies=[security.READER])

SAME: dict[int | str, dict[str, Any]] = {400: {"model": schemas.Error, "description": "Both are the same speaker."}}


class SpeakerOverview(schemas.Schema):
    speaker_id: int
    seconds: float = Field(description="Of speech, in the conversations that you see.")
    conversations: int
    last_heard: schemas.Moment | None = Field(description="Start of the latest conversation with this speaker.")
    samples: int = Field(description="Enrolled samples of the voice.")
    emotions: dict[str, float] = Field(description="Seconds by emotion.", examples=[{"neutral": 310.5, "happy": 12.0}])


class SpeechSample(schemas.Schema):
    """A segment as a sample of the voice: `GET /conversations/segments/{segment_id}/audio`."""

    segment_id: int
    conversation_id: int
    title: str | None = Field(description="Of the conversation.")
    start_offset: Seconds
    end_offset: Seconds
    text: str


@router.get("/overview")
async def get_overview(context: ContextDep) -> list[SpeakerOverview]:
    """The speech of each speaker, the latest conversation and emotions; speakers without speech and samples are left out."""
    return [SpeakerOverview.model_validate(found) for found in await context.speakers.overview()]


@router.get("/{speaker_id}/samples", responses=MISSING)
async def list_samples(
    context: ContextDep, speaker_id: SpeakerId, limit: Annotated[int, Query(ge=1, le=20, description=schemas.LIMIT)] = 4
) -> list[SpeechSample]:
    """Clear segments of the speaker, of different conversations first."""
    try:
        return [SpeechSample.model_validate(found) for found in await context.speakers.samples(speaker_id, limit)]
    except SpeakerNotFoundError as error:
        raise HTTPException(404, str(error)) from error


@router.put("/{speaker_id}/distinct/{other_id}", status_code=204, dependencies=[security.WRITER], responses=MISSING | SAME)
async def set_distinct(context: ContextDep, speaker_id: SpeakerId, other_id: SpeakerId) -> Response:
    """Mark two speakers as different people: they are neither suggested as one person nor merged automatically."""
    return await _set(context, speaker_id, other_id, True)


@router.delete("/{speaker_id}/distinct/{other_id}", status_code=204, dependencies=[security.WRITER], responses=MISSING | SAME)
async def unset_distinct(context: ContextDep, speaker_id: SpeakerId, other_id: SpeakerId) -> Response:
    """Remove the mark that two speakers are different people."""
    return await _set(context, speaker_id, other_id, False)


async def _set(context: ContextDep, speaker_id: int, other_id: int, distinct: bool) -> Response:
    try:
        await context.speakers.set_distinct(speaker_id, other_id, distinct)
    except SpeakerNotFoundError as error:
        raise HTTPException(404, str(error)) from error
    except SameSpeakerError as error:
        raise HTTPException(400, str(error)) from error
    return Response(status_code=204)
