"""Tools that search segments and correct their emotions."""

from typing import Annotated

from pydantic import Field

from mcp_server import arguments as arg
from mcp_server import results
from mcp_server.backend import Work, work
from pipeline.names import MaybeName
from services.access.actor import actor
from services.errors import SegmentNotFoundError
from services.identity import corrections
from services.search.transcript_search import Mode
from services.search.transcript_search import Query as SearchQuery
from storage.conversations import segments
from storage.search import search
from storage.speakers import speaker_queries

Query = Annotated[
    str,
    Field(
        max_length=search.MAX_QUERY_CHARACTERS,
        description='Words or a question; `a or b`, `"next week"`, `a -b`: words only. None: all that passes, by time.',
    ),
]


async def search_transcripts(
    ctx: Work,
    query: Query = "",
    speaker: Annotated[MaybeName, Field(description="A speaker's name.")] = "",
    emotion: arg.MaybeEmotion = "",
    conversation_id: arg.MaybeConversationId = None,
    since: Annotated[arg.MaybeMoment, Field(description="From this time on, ISO 8601; UTC without an offset.")] = None,
    until: Annotated[arg.MaybeMoment, Field(description="Before this time.")] = None,
    mode: Mode = "auto",
    order: search.Order = "relevance",
    skip: Annotated[int, Field(ge=0, le=search.MAX_HITS)] = 0,
    limit: Annotated[int, Field(ge=1, le=50)] = 10,
) -> results.Hits:
    """Search all segments by words, then by meaning, speaker, emotion and time ("what did Nick say about the
    invoice last week?")."""
    with work(ctx) as backend:
        async with backend.database.session() as session:
            who = (await speaker_queries.resolve(session, speaker))[0] if speaker else None
        filters = search.Filters(who, emotion or None, conversation_id, since, until)
        asked = SearchQuery(query, filters, mode, order, skip=skip, limit=limit)
        found = await backend.search.search(actor().principal, asked)
    onward = skip + len(found.hits)
    return results.Hits(
        results=[results.Hit.model_validate(hit).model_copy(update={"snippet": _bold(hit.snippet)}) for hit in found.hits],
        total=found.total,
        total_is_exact=found.exact,
        next_skip=onward if found.hits and onward < found.total else None,
        recognized=[results.Recognized.model_validate(part) for part in found.recognized],
        note=" ".join(str(part) for part in (found.note, found.coverage) if part) or None,
    )


async def correct_emotion(
    ctx: Work,
    segment_id: arg.SegmentId,
    emotion: arg.Emotion,
    conversation_id: arg.MaybeConversationId = None,
    learn: Annotated[bool, Field(description="Add it to the speaker's profile.")] = True,
) -> results.Corrected:
    """Correct the emotion of a segment ("he was joking, not angry")."""
    with work(ctx) as backend:
        async with backend.database.session() as session:
            where = conversation_id or await segments.conversation_of(session, segment_id)
            if where is None:
                raise SegmentNotFoundError
            done = await corrections.correct(session, where, segment_id, emotion, learn)
    return results.Corrected(
        message=f"Emotion corrected to '{emotion}'",
        segment_id=segment_id,
        **{field: getattr(done, field) for field in done.__slots__},
    )


def _bold(snippet: str) -> str:
    return snippet.replace(search.MARK_START, "**").replace(search.MARK_END, "**")
