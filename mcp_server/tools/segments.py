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
from storage.conversations import segments
from storage.search import search
from storage.speakers import speaker_queries

Query = Annotated[
    str,
    Field(
        max_length=search.MAX_QUERY_CHARACTERS,
        description='Words of the transcript, without stemming: `invoice or invoices`, `"next week"`, `budget -travel`. '
        "Without words: all segments that pass the filters, by time.",
    ),
]


async def search_transcripts(
    ctx: Work,
    query: Query = "",
    speaker: Annotated[MaybeName, Field(description="Only segments of this speaker, by name.")] = "",
    emotion: arg.MaybeEmotion = "",
    conversation_id: arg.MaybeConversationId = None,
    since: Annotated[
        arg.MaybeMoment, Field(description="Spoken at or after this time, ISO 8601; UTC if without offset.")
    ] = None,
    until: Annotated[arg.MaybeMoment, Field(description="Spoken before this time.")] = None,
    order: search.Order = "relevance",
    skip: Annotated[int, Field(ge=0, le=search.MAX_HITS)] = 0,
    limit: Annotated[int, Field(ge=1, le=50)] = 10,
) -> results.Hits:
    """Search the segments of all conversations: by words, speaker, emotion and time ("what did Nick say about the invoice last
    week?"). Each hit has the text, the speaker, the time, and the conversation's id for get_conversation."""
    with work(ctx) as backend:
        async with backend.database.session() as session:
            who = (await speaker_queries.resolve(session, speaker))[0] if speaker else None
            filters = search.Filters(who, emotion or None, conversation_id, since, until)
            found = await search.search(session, actor().principal, query, filters, order, skip, limit)
    onward = skip + len(found.hits)
    return results.Hits(
        results=[results.Hit.model_validate(hit).model_copy(update={"snippet": _bold(hit.snippet)}) for hit in found.hits],
        total=found.total,
        total_is_exact=found.exact,
        next_skip=onward if found.hits and onward < found.total else None,
    )


async def correct_emotion(
    ctx: Work,
    segment_id: arg.SegmentId,
    emotion: Annotated[arg.Emotion, Field(description="The correct emotion.")],
    conversation_id: arg.MaybeConversationId = None,
    learn: Annotated[bool, Field(description="Add the segment to the speaker's profile of this emotion.")] = True,
) -> results.Corrected:
    """Correct the emotion of a segment ("he was joking, not angry"). The system learns from it how this person sounds."""
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
