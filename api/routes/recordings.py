"""The sound of whole recordings, and their waveforms."""

import asyncio
import hashlib
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query, Request, Response

from api import ranges, schemas, security
from api.dependencies import ContextDep, ConversationId
from media import peaks
from media.content import Content, FileContent, WavContent
from services.encodings import FORMATS, StillEncodingError
from storage.conversations import conversations

router = APIRouter(prefix="/conversations", tags=["conversations"], dependencies=[security.READER])

GONE = "Audio file not found"
RETRY_ENCODED = {"Retry-After": "30"}
"""Seconds."""
COMPUTING = "The waveform is being computed, which takes a while: try again in a minute."
MAX_PEAKS = 500_000
"""In one answer: 12 hours at 10 a second are 432,000."""
BUSY: dict[int | str, dict[str, Any]] = {
    503: {"model": schemas.Error, "description": "It is being encoded; `Retry-After` says when to try again."}
}


@router.head("/{conversation_id}/audio", include_in_schema=False)
@router.get(
    "/{conversation_id}/audio",
    response_class=Response,
    responses=ranges.responses("audio/wav", "audio/mpeg", "audio/ogg")
    | BUSY
    | {404: {"model": schemas.Error, "description": "There is no such conversation, or no recording of it is kept."}},
)
async def get_recording(
    context: ContextDep,
    request: Request,
    conversation_id: ConversationId,
    format: Annotated[Literal["wav", "mp3", "opus"], Query(description="File format.")] = "wav",
) -> Response:
    """The whole recording: 16 kHz mono, as 16-bit WAV, MP3 of 64 kbit/s, or Opus of 24 kbit/s in Ogg.

    WAV is decoded as it is read, from any place. MP3 and Opus are made at the first request, an hour in about 20 s, and kept
    beside the recording.
    """
    async with context.database.session() as session:
        key = await conversations.recording_key(session, conversation_id)
        if key is None:
            raise HTTPException(404, await conversations.why_no_recording(session, conversation_id))
    content: Content
    try:
        if format == "wav":
            media_type = "audio/wav"
            content = await asyncio.to_thread(WavContent, await context.store.open(key))
        else:
            media_type = FORMATS[format].media_type
            encoded = await context.encodings.get(key, FORMATS[format])
            content = await asyncio.to_thread(FileContent, await context.store.open(encoded))
    except FileNotFoundError as error:
        raise HTTPException(404, GONE) from error
    except StillEncodingError as error:
        raise HTTPException(503, str(error), RETRY_ENCODED) from error
    etag = _etag(key, format, content.size)
    return ranges.answer(request, ranges.Sound(content, media_type, f"conversation_{conversation_id}.{format}", etag))


@router.get(
    "/{conversation_id}/peaks",
    response_model=schemas.Peaks,
    responses=BUSY
    | {
        304: {"description": "`If-None-Match` names the waveform as it is."},
        400: {"model": schemas.Error, "description": "The recording is too long for so many peaks."},
        404: {"model": schemas.Error, "description": "There is no such conversation, or no recording of it is kept."},
    },
)
async def get_peaks(
    context: ContextDep,
    request: Request,
    conversation_id: ConversationId,
    per_second: Annotated[float, Query(ge=0.01, le=peaks.PER_SECOND, description="Peaks for each second.")] = 10,
) -> Response:
    """The waveform of the recording: how loud each stretch of it is. It is computed at the first request, and kept."""
    async with context.database.session() as session:
        key = await conversations.recording_key(session, conversation_id)
        if key is None:
            raise HTTPException(404, await conversations.why_no_recording(session, conversation_id))
    tag = f'"{_etag(key, "peaks", per_second)}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}  # a browser keeps it, and revalidates it with the tag
    if ranges.is_known(request, tag):
        return Response(status_code=ranges.NOT_MODIFIED, headers=headers)
    try:
        computed = await context.encodings.get(key, peaks.Peaks())
        with await context.store.open(computed) as file:
            content = await asyncio.to_thread(file.read)
    except FileNotFoundError as error:
        raise HTTPException(404, GONE) from error
    except StillEncodingError as error:
        raise HTTPException(503, COMPUTING, RETRY_ENCODED) from error
    seconds = len(content) / peaks.PER_SECOND
    if seconds * per_second > MAX_PEAKS:
        most = f"{MAX_PEAKS / seconds:.2f}"
        raise HTTPException(400, f"A recording of {seconds:.0f} s has too many peaks: ask for at most {most} for each second.")
    found = await asyncio.to_thread(lambda: ",".join(map(str, peaks.reduced(content, per_second))))
    return Response(f'{{"per_second": {per_second}, "peaks": [{found}]}}', media_type="application/json", headers=headers)


def _etag(key: str, *parts: object) -> str:
    """A recording never changes under its key, which stays secret."""
    return hashlib.sha256(" ".join(map(str, (key, *parts))).encode()).hexdigest()[:32]
