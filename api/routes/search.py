"""Search in transcripts."""

from html import escape
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import APIRouter, HTTPException, Query
from pydantic import Field

from api import schemas, security
from api.dependencies import LARGEST_ID, ContextDep
from api.routes.emotions import Emotion
from pipeline import tags
from pipeline.names import MaybeName
from services.access.actor import actor
from services.search.transcript_search import Mode
from services.search.transcript_search import Query as SearchQuery
from storage.search import search
from storage.speakers import speaker_queries

router = APIRouter(prefix="/search", tags=["search"], dependencies=[security.READER])

Id = Annotated[int, Field(ge=1, le=LARGEST_ID)]

REFUSED: dict[int | str, dict[str, Any]] = {
    404: {"model": schemas.Error, "description": "There is no speaker of this name."},
    503: {"model": schemas.Error, "description": "The search took too long; the sentence says what to try."},
}


@router.get("", responses=REFUSED)
async def search_transcripts(
    context: ContextDep,
    q: Annotated[
        str,
        Query(
            max_length=search.MAX_QUERY_CHARACTERS,
            description='Words, in the syntax of web search: `red car`, `"red car"`, `red or blue`, `car -red`. '
            "Without words: all segments that pass the filters, newest first.",
            examples=["invoice or invoices"],
        ),
    ] = "",
    speaker_id: Annotated[Id | None, Query(description="Only segments of this speaker.")] = None,
    speaker: Annotated[MaybeName, Query(description="A speaker's name, in any spelling.")] = "",
    emotion: Annotated[Emotion | None, Query(description="Only segments with this emotion.")] = None,
    conversation_id: Annotated[Id | None, Query(description="Only this conversation.")] = None,
    since: Annotated[schemas.Moment | None, Query(description="Spoken at this time or later; UTC without an offset.")] = None,
    until: Annotated[schemas.Moment | None, Query(description="Spoken before this time.")] = None,
    tag: Annotated[list[tags.Tag] | None, Query(max_length=10, description="Conversations with this tag, or these.")] = None,
    order: Annotated[search.Order, Query(description="Order of the results.")] = "relevance",
    mode: Annotated[
        Mode,
        Query(
            description="`words`: segments with the words. `meaning`: at most 20 segments that mean the same. `auto`: both, "
            "words first; words only where the query has operators, or the order is one of time."
        ),
    ] = "auto",
    interpret: Annotated[
        bool,
        Query(description='Take times and people in the query for filters: "what did Nick say about the budget last month".'),
    ] = True,
    timezone: Annotated[
        str, Query(max_length=64, description="Of these times, such as `Europe/Berlin`; without it the server's.")
    ] = "",
    grouped: Annotated[bool, Query(description="The hits of a conversation follow each other.")] = False,
    skip: Annotated[int, Query(ge=0, le=search.MAX_HITS, description=schemas.SKIP)] = 0,
    limit: Annotated[int, Query(ge=1, le=100, description=schemas.LIMIT)] = 20,
) -> schemas.Hits:
    """Find segments in all conversations that you see by words, speaker, conversation, time and emotion."""
    try:
        if speaker and speaker_id is None:
            async with context.database.session() as session:
                speaker_id, _ = await speaker_queries.resolve(session, speaker)
        filters = search.Filters(speaker_id, emotion, conversation_id, since, until, tuple(tag or ()))
        query = SearchQuery(q, filters, mode, order, interpret, _zone(timezone), grouped, skip, limit)
        found = await context.search.search(actor().principal, query)
    except speaker_queries.NoSuchNameError as error:
        raise HTTPException(404, str(error)) from error
    except search.SearchError as error:
        raise HTTPException(503, str(error)) from error
    hits = [schemas.Hit.model_validate(hit).model_copy(update={"snippet": _html(hit.snippet)}) for hit in found.hits]
    return schemas.Hits(
        results=hits,
        total=found.total,
        total_is_exact=found.exact,
        words=found.words,
        recognized=[schemas.Recognized.model_validate(part) for part in found.recognized],
        note=found.note,
        coverage=None if found.coverage is None else schemas.Coverage.model_validate(found.coverage),
        skip=skip,
        limit=limit,
    )


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise HTTPException(422, f"There is no time zone '{name}': write one such as Europe/Berlin.") from error


def _html(snippet: str) -> str:
    return escape(snippet).replace(search.MARK_START, "<mark>").replace(search.MARK_END, "</mark>")
