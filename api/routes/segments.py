"""The audio of single segments."""

import asyncio
from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Query, Request, Response

from api import ranges, schemas, security
from api.dependencies import ContextDep, LoneSegmentId
from media import encoding, recording
from pipeline.types import Span
from storage.conversations import conversations, segments

router = APIRouter(prefix="/conversations/segments", tags=["segments"], dependencies=[security.READER])

TAIL_S = 0.25
"""Added after the end of a segment, so that its last word is not cut."""


@router.head("/{segment_id}/audio", include_in_schema=False)
@router.get(
    "/{segment_id}/audio",
    response_class=Response,
    responses=ranges.responses("audio/wav", "audio/mpeg")
    | {404: {"model": schemas.Error, "description": "There is no such segment, or its recording is gone."}},
)
async def get_audio(
    context: ContextDep,
    request: Request,
    segment_id: LoneSegmentId,
    format: Annotated[Literal["wav", "mp3"], Query(description="File format.")] = "wav",
) -> Response:
    """The audio of one segment: 16 kHz mono, 16-bit WAV or MP3."""
    async with context.database.session() as session:
        found = await segments.audio_location(session, segment_id)
        if found is None:
            owner = await segments.conversation_of(session, segment_id)
            reason = "Segment not found" if owner is None else await conversations.why_no_recording(session, owner)
            raise HTTPException(404, reason)
    try:
        with await context.store.open(found.audio_key) as file:
            samples = await asyncio.to_thread(recording.read, file, Span(found.start, found.end + TAIL_S), None, found.channel)
    except FileNotFoundError as error:
        raise HTTPException(404, "Audio file not found for this segment") from error
    encode, media_type = (encoding.mp3_bytes, "audio/mpeg") if format == "mp3" else (encoding.wav_bytes, "audio/wav")
    content = await asyncio.to_thread(encode, samples)
    return ranges.answer(request, ranges.of_bytes(content, media_type, f"segment_{segment_id}.{format}"))
