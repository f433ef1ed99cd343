"""The sound of whole recordings."""

import asyncio
import hashlib
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query, Request, Response

from api import ranges, schemas, security
from api.dependencies import ContextDep, ConversationId
from media.content import Content, FileContent, WavContent
from services.encodings import FORMATS, StillEncodingError
from storage.conversations import conversations

router = APIRouter(prefix="/conversations", tags=["conversations"], dependencies=[security.READER])

GONE = "Audio file not found"
RETRY_ENCODED = {"Retry-After": "30"}
"""Seconds."""
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
    # A recording never changes under its key, which stays secret.
    etag = hashlib.sha256(f"{key} {format} {content.size}".encode()).hexdigest()[:32]
    return ranges.answer(request, ranges.Sound(content, media_type, f"conversation_{conversation_id}.{format}", etag))
