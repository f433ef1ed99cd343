"""Tools that read, title and export conversations."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

from mcp.server.mcpserver.exceptions import ToolError
from pydantic import Field

from mcp_server import arguments as arg
from mcp_server import results
from mcp_server.backend import Work, work
from pipeline.names import MaybeName, Name
from pipeline.types import ConversationSegment
from services.access import audit
from services.access.actor import actor
from services.conversations import changes, export
from storage.conversations import conversations, segments
from storage.search import listing, search
from storage.speakers import speaker_queries

MAX_SEGMENTS = 500
SEGMENTS_WITH_TITLE = 20
"""Segments that are returned with a new title."""
MAX_CHARACTERS = 60_000
"""Of an exported file: about 15,000 tokens."""

Limit = Annotated[int, Field(ge=1, le=MAX_SEGMENTS)]
PageSize = Annotated[int, Field(ge=1, le=100)]


async def list_conversations(
    ctx: Work,
    text: Annotated[str, Field(max_length=search.MAX_QUERY_CHARACTERS)] = "",
    tag: MaybeName = "",
    speaker: MaybeName = "",
    since: arg.MaybeMoment = None,
    until: arg.MaybeMoment = None,
    skip: arg.Skip = 0,
    limit: PageSize = 10,
) -> results.Conversations:
    """List conversations, newest first: all, or by words (said, or in the title), tag, speaker, start."""
    with work(ctx) as backend:
        async with backend.database.session() as session:
            speakers = [str((await speaker_queries.resolve(session, speaker))[0])] if speaker else []
            filters = listing.Filters(text=text, tags=[tag] if tag else [], speakers=speakers, since=since, until=until)
            page = await listing.list_page(session, actor().principal, filters, skip=skip, limit=limit)
    items = [results.Conversation.model_validate(item) for item in page.items]
    return results.Conversations(conversations=items, total=page.total, skip=skip)


async def get_conversation(
    ctx: Work, conversation_id: arg.ConversationId, skip: arg.Skip = 0, limit: Limit = 200, word_timestamps: bool = False
) -> results.ConversationPage:
    """Read the transcript of a conversation: who says what, when, in which emotion and language. Long ones come in pages:
    call again with skip = next_skip. Also the progress of a new recording."""
    with work(ctx) as backend:
        async with backend.database.session() as session:
            found = await _summary(session, conversation_id)
            page = await segments.page(session, conversation_id, skip, limit)
    onward = skip + len(page) if page and skip + len(page) < found.num_segments else None
    base = results.Conversation.model_validate(found).model_dump()
    return results.ConversationPage(
        **base,
        segments=await asyncio.to_thread(_segments, page, words=word_timestamps),
        returned_segments=len(page),
        next_skip=onward,
        language=found.language,
        languages=list(found.languages),
        progress=found.progress,
        error=found.error,
        notes=[note.text for note in found.notes],
    )


async def get_latest_segments(
    ctx: Work, conversation_id: arg.MaybeConversationId = None, limit: Limit = 20
) -> results.LatestSegments:
    """Read the last segments of a conversation, by default the newest one."""
    with work(ctx) as backend:
        async with backend.database.session() as session:
            if conversation_id is None:
                newest = (await listing.list_page(session, actor().principal, limit=1)).items
                if not newest:
                    raise ToolError("There is no conversation yet. process_audio transcribes a recording.")
                found = newest[0]
            else:
                found = await _summary(session, conversation_id)
            last = await segments.latest(session, found.id, limit)
    return results.LatestSegments(
        conversation_id=found.id,
        title=found.title,
        total_segments=found.num_segments,
        returned_segments=len(last),
        segments=_segments(last),
    )


async def get_live_conversation(
    ctx: Work,
    limit: Limit = 20,
    after_segment_id: Annotated[arg.MaybeSegmentId, Field(description="Only segments after this one.")] = None,
) -> results.LiveConversation:
    """Follow the conversation that is being recorded now: its latest segments."""
    with work(ctx) as backend:
        async with backend.database.session() as session:
            recording = listing.Filters(status="recording")
            live = (await listing.list_page(session, actor().principal, recording, limit=1)).items
            if not live:
                message = "Nothing is being recorded now. get_latest_segments shows the last conversation."
                return results.LiveConversation(live=False, message=message)
            found = live[0]
            if after_segment_id is None:
                heard = await segments.latest(session, found.id, limit)
            else:
                heard = await segments.after(session, found.id, after_segment_id, limit)
    return results.LiveConversation(
        live=True,
        conversation_id=found.id,
        title=found.title,
        start_time=found.start_time,
        total_segments=found.num_segments,
        segments=_segments(heard),
        last_segment_id=heard[-1].id if heard else after_segment_id,
        message=f"{len(heard)} line(s)." if heard else "Nothing new was said yet.",
    )


async def update_conversation_title(ctx: Work, conversation_id: arg.ConversationId, title: arg.Title) -> results.Titled:
    """Change the title of a conversation."""
    with work(ctx) as backend:
        await changes.change(backend.database, conversation_id, title=title)
        async with backend.database.session() as session:
            found = await _summary(session, conversation_id)
            first = await segments.page(session, conversation_id, 0, SEGMENTS_WITH_TITLE)
    fields = {name: getattr(found, name) for name in results.Titled.model_fields if hasattr(found, name)}
    return results.Titled(**fields, transcript_segments=_segments(first))


async def search_conversations_by_speaker(
    ctx: Work, speaker_name: Name, limit: PageSize = 50, skip: arg.Skip = 0
) -> results.Appearances:
    """List the conversations of a speaker, newest first, with the number of their segments."""
    with work(ctx) as backend:
        async with backend.database.session() as session:
            speaker_id, name = await speaker_queries.resolve(session, speaker_name)
            found, total = await speaker_queries.appearances(session, actor().principal, speaker_id, skip, limit)
    items = [
        results.Appearance(
            conversation_id=one.conversation_id,
            title=one.title or f"Conversation {one.conversation_id}",
            datetime=one.start_time,
            duration_seconds=one.duration,
            duration_minutes=None if one.duration is None else round(one.duration / 60, 1),
            total_segments=one.total_segments,
            speaker_segments=one.speaker_segments,
            audio_path=one.audio_key,
        )
        for one in found
    ]
    return results.Appearances(
        speaker_name=name, speaker_id=speaker_id, total_conversations=total, returned_count=len(items), conversations=items
    )


async def export_transcript(
    ctx: Work, conversation_id: arg.ConversationId, format: Literal["srt", "vtt", "txt", "csv", "rttm"] = "txt"
) -> results.Export:
    """Get a transcript as subtitles (srt, vtt), text (txt), a table (csv) or speaker turns (rttm). A long one is
    truncated; `download` is the path of the whole file."""
    with work(ctx) as backend:
        async with backend.database.session() as session:
            found = await conversations.get(session, conversation_id)
            if found is None:
                raise LookupError(conversations.NOT_FOUND)
            render = await export.prepare(session, found, format)
            await audit.record(session, "conversation.export", f"conversation:{conversation_id}")
    content = await asyncio.to_thread(render)
    return results.Export(
        conversation_id=conversation_id,
        format=format,
        content=content[:MAX_CHARACTERS],
        truncated=len(content) > MAX_CHARACTERS,
        download=f"/api/v1/conversations/{conversation_id}/transcript?format={format}",
    )


def _segments(found: Sequence[ConversationSegment], *, words: bool = False) -> list[results.Segment]:
    shown = (replace(segment, words=(segment.words or ()) if words else None) for segment in found)
    return [results.Segment.model_validate(segment) for segment in shown]


async def _summary(session: Any, conversation_id: int) -> conversations.ConversationSummary:
    found = await conversations.summary(session, conversation_id)
    if found is None:
        raise LookupError(conversations.NOT_FOUND)
    return found
