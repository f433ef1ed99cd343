"""Conversations: read, rename, tag, delete, export the transcript, and follow the progress of the work."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Response
from sse_starlette import EventSourceResponse, ServerSentEvent

from api import schemas, security
from api.decoding import QueryWords
from api.dependencies import NOT_FOUND, ContextDep, ConversationId, not_found
from pipeline.formats.export import FORMATS
from services.access import audit
from services.context import AppContext
from services.conversations import changes, export
from storage.conversations import conversations

router = APIRouter(prefix="/conversations", tags=["conversations"], dependencies=[security.READER])

MISSING: dict[int | str, dict[str, Any]] = {404: {"model": schemas.Error, "description": "There is no such conversation."}}


@router.get("/{conversation_id}", responses=MISSING)
async def get_conversation(
    context: ContextDep,
    conversation_id: ConversationId,
    word_timestamps: QueryWords = True,
    segments: Annotated[bool, Query(description="With all segments; `GET …/segments` has pages of them.")] = True,
) -> schemas.Conversation:
    """One conversation with its whole transcript."""
    if segments:
        return await read(context, conversation_id, words=word_timestamps)
    async with context.database.session() as session:
        found = await conversations.summary(session, conversation_id)
    if found is None:
        raise NOT_FOUND
    return schemas.Conversation.model_validate(found)


@router.patch("/{conversation_id}", dependencies=[security.WRITER], responses=MISSING)
async def update_conversation(
    context: ContextDep, conversation_id: ConversationId, change: schemas.ConversationUpdate
) -> schemas.Conversation:
    """Change the title, or the tags."""
    try:
        await changes.change(context.database, conversation_id, title=change.title, new_tags=change.tags)
    except LookupError as error:
        raise not_found(error) from error
    return await read(context, conversation_id)


@router.delete(
    "/{conversation_id}",
    dependencies=[security.ADMIN],
    responses=MISSING | {409: {"model": schemas.Error, "description": "Its recording is being processed."}},
)
async def delete_conversation(context: ContextDep, conversation_id: ConversationId) -> schemas.Deleted:
    """Delete a conversation, its recording, and the unknown speakers that appear in no other conversation."""
    try:
        deleted = await context.erasure.delete_conversation(conversation_id)
    except LookupError as error:
        raise not_found(error) from error
    except conversations.ConversationBusyError as error:
        raise HTTPException(409, str(error)) from error
    return schemas.Deleted(message=f"Conversation {conversation_id} deleted", cleanup_warnings=deleted.pending)


@router.get(
    "/{conversation_id}/transcript",
    response_class=Response,
    responses=MISSING | {200: {"content": {"application/json": {}} | {found.media_type: {} for found in FORMATS.values()}}},
)
async def get_transcript(
    context: ContextDep,
    conversation_id: ConversationId,
    format: Annotated[schemas.TranscriptFormat, Query(description="File format.")] = "json",
    word_timestamps: QueryWords = True,
) -> Response:
    """The transcript as a file: subtitles, text, a table, turns for diarization tools, or JSON."""
    headers = {"Content-Disposition": f'attachment; filename="conversation_{conversation_id}.{format}"'}
    async with context.database.session() as session:
        found = await conversations.get(session, conversation_id)
        if found is None:
            raise NOT_FOUND
        render = await export.prepare(session, found, format, words=word_timestamps)
        await audit.record(session, "conversation.export", f"conversation:{conversation_id}")
    media_type = "application/json" if format == export.JSON else f"{FORMATS[format].media_type}; charset=utf-8"
    return Response(await asyncio.to_thread(render), media_type=media_type, headers=headers)


@router.get("/{conversation_id}/progress", responses=MISSING)
async def get_progress(context: ContextDep, conversation_id: ConversationId) -> schemas.Progress:
    """The progress of processing a recording, for polling."""
    async with context.database.session() as session:
        found = await conversations.progress(session, conversation_id)
    if found is None:
        raise NOT_FOUND
    return schemas.Progress.model_validate(found)


@router.get("/{conversation_id}/events", response_class=EventSourceResponse, responses=MISSING)
async def watch_progress(context: ContextDep, conversation_id: ConversationId) -> EventSourceResponse:
    """The same as server-sent events named `progress`: one now, one at each change, the last when the work has ended."""
    await get_progress(context, conversation_id)  # answers 404 before the stream starts

    async def events() -> AsyncIterator[ServerSentEvent]:
        async for progress in context.notifications.watch(conversation_id):
            yield ServerSentEvent(schemas.Progress.model_validate(progress).model_dump_json(), event="progress")

    return EventSourceResponse(events())


async def read(context: AppContext, conversation_id: int, *, words: bool = True) -> schemas.Conversation:
    """The conversation from the database, or a 404. `words`: with those of its segments."""
    async with context.database.session() as session:
        found = await conversations.get(session, conversation_id)
    if found is None:
        raise NOT_FOUND

    def validated() -> schemas.Conversation:
        return schemas.Conversation.model_validate(found).with_words(words)

    return await asyncio.to_thread(validated)  # a day of speech is 20,000 segments
