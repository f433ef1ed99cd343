"""Full-text search."""

from datetime import UTC, datetime
from html import escape
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from pydantic import AfterValidator, Field

from api import schemas
from api.dependencies import ContextDep
from api.routes.conversations import LARGEST_ID
from api.routes.emotions import Emotion
from pipeline.names import MaybeName
from services import schemas as public
from storage.search import search
from storage.speakers import speaker_queries

router = APIRouter(prefix="/search", tags=["search"])

Id = Annotated[int, Field(ge=1, le=LARGEST_ID)]
Moment = Annotated[datetime, AfterValidator(lambda moment: moment if moment.tzinfo else moment.replace(tzinfo=UTC))]

REFUSED: dict[int | str, dict[str, Any]] = {
    404: {"model": schemas.Error, "description": "There is no speaker of this name."},
    503: {"model": schemas.Error, "description": "The search takes too long; the sentence says what to try."},
}


class Hit(public.Schema):
    id: int = Field(description="The segment's.")
    conversation_id: int
    title: str | None = Field(description="Of the conversation.", examples=["Planning, Monday"])
    time: public.Moment = Field(description="When it was said.")
    speaker_id: public.SpeakerId
    speaker_name: str = Field(description="As the transcript has it.", examples=["Alice"])
    text: str
    snippet: str = Field(
        description="HTML: the text, or parts of a long one, with what was searched for in `<mark>`.",
        examples=["The <mark>invoice</mark> is late."],
    )
    start_offset: public.Seconds
    end_offset: public.Seconds
    confidence: public.Similarity
    emotion_category: str | None = Field(description="How it sounds, as the transcript has it.")


class Hits(public.Schema):
    results: list[Hit]
    total: public.Total
    total_is_exact: bool = Field(description="False where there are more than `total`, which are not looked at.")
    skip: public.Skipped
    limit: public.Limit


@router.get("", responses=REFUSED)
async def search_transcripts(
    context: ContextDep,
    q: Annotated[
        str,
        Query(
            max_length=search.MAX_QUERY_CHARACTERS,
            description='Words as they were said, as in web search: `red car`, `"red car"`, `red or blue`, `car -red`. '
            "Without any, all segments that pass the filters, the newest first.",
            examples=["invoice or invoices"],
        ),
    ] = "",
    speaker_id: Annotated[Id | None, Query(description="Only what this speaker said.")] = None,
    speaker: Annotated[MaybeName, Query(description="A speaker's name, in any letter case.")] = "",
    emotion: Annotated[Emotion | None, Query(description="Only what sounds like this.")] = None,
    conversation_id: Annotated[Id | None, Query(description="Only this conversation.")] = None,
    since: Annotated[Moment | None, Query(description="Said at this time or later; UTC without an offset.")] = None,
    until: Annotated[Moment | None, Query(description="Said before this time.")] = None,
    order: Annotated[search.Order, Query(description="What comes first.")] = "relevance",
    skip: Annotated[int, Query(ge=0, le=search.MAX_HITS, description=public.SKIP)] = 0,
    limit: Annotated[int, Query(ge=1, le=100, description=public.LIMIT)] = 20,
) -> Hits:
    """Find segments in all conversations by their words, and by who said them, when, where and how."""
    try:
        async with context.database.session() as session:
            if speaker and speaker_id is None:
                speaker_id, _ = await speaker_queries.resolve(session, speaker)
            filters = search.Filters(speaker_id, emotion, conversation_id, since, until)
            found = await search.search(session, q, filters, order, skip, limit)
    except speaker_queries.NoSuchNameError as error:
        raise HTTPException(404, str(error)) from error
    except search.SearchError as error:
        raise HTTPException(503, str(error)) from error
    hits = [Hit.model_validate(hit).model_copy(update={"snippet": _html(hit.snippet)}) for hit in found.hits]
    return Hits(results=hits, total=found.total, total_is_exact=found.exact, skip=skip, limit=limit)


def _html(snippet: str) -> str:
    return escape(snippet).replace(search.MARK_START, "<mark>").replace(search.MARK_END, "</mark>")
