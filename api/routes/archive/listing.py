"""The list of conversations."""

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query, Response
from pydantic import Field

from api import schemas, security
from api.dependencies import LARGEST_ID, ContextDep
from api.routes.emotions import Emotion
from pipeline import names, tags
from services.access.actor import actor
from storage.conversations import overviews
from storage.search import listing, search
from storage.search.cursors import Cursor, CursorError

router = APIRouter(prefix="/conversations", tags=["conversations"], dependencies=[security.READER])

MAX_FILTERS = 10
"""Tags, or speakers, of a request."""
MAX_SECONDS = 1e9
MAX_TIMELINES = 200
"""Of an answer: they take most of its time."""

REFUSED: dict[int | str, dict[str, Any]] = {
    400: {"model": schemas.Error, "description": "The cursor is none, or there would be too many timelines."},
    503: {"model": schemas.Error, "description": "The search took too long; the sentence says what to try."},
}

Seconds = Annotated[float, Field(ge=0, le=MAX_SECONDS)]
SpeakerFilter = Annotated[names.Name, Field(examples=["Ann", "7"])]


@router.get("", response_model=schemas.Conversations, responses=REFUSED)
async def list_conversations(
    context: ContextDep,
    skip: Annotated[int, Query(ge=0, le=LARGEST_ID, description=schemas.SKIP)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000, description=schemas.LIMIT)] = 100,
    cursor: Annotated[
        str | None, Query(max_length=50, description="`next_cursor` of the page before. `skip` counts from there.")
    ] = None,
    status: Annotated[
        Literal["recording", "processing", "completed", "failed"] | None, Query(description="Only those with this status.")
    ] = None,
    q: Annotated[
        str,
        Query(
            max_length=search.MAX_QUERY_CHARACTERS,
            description="Words that a segment says, in the syntax of `GET /search`, or that are in the title, also as parts.",
            examples=["invoice"],
        ),
    ] = "",
    title: Annotated[
        str,
        Query(
            max_length=search.MAX_QUERY_CHARACTERS,
            description="Words that are in the title, also as parts.",
            examples=["plan"],
        ),
    ] = "",
    tag: Annotated[
        list[tags.Tag], Query(max_length=MAX_FILTERS, description="A tag in any spelling; of several they have all.")
    ] = [],  # noqa: B006  # FastAPI copies it
    speaker: Annotated[
        list[SpeakerFilter],
        Query(max_length=MAX_FILTERS, description="A speaker's id, or name in any spelling; of several all speak in it."),
    ] = [],  # noqa: B006
    emotion: Annotated[Emotion | None, Query(description="A segment has this emotion.")] = None,
    since: Annotated[schemas.Moment | None, Query(description="Started at this time or later; UTC without an offset.")] = None,
    until: Annotated[schemas.Moment | None, Query(description="Started before this time.")] = None,
    min_duration: Annotated[Seconds | None, Query(description="At least this long, in seconds.")] = None,
    max_duration: Annotated[Seconds | None, Query(description="At most this long, in seconds.")] = None,
    include: Annotated[
        list[Literal["participants", "timeline"]],
        Query(max_length=2, description="Fields that are null otherwise: who speaks, and when."),
    ] = [],  # noqa: B006
) -> Response:
    """The conversations that you see and that fulfil all filters, newest first."""
    if "timeline" in include and limit > MAX_TIMELINES:
        raise HTTPException(400, f"Ask for at most {MAX_TIMELINES} conversations with a timeline: limit={MAX_TIMELINES}.")
    filters = listing.Filters(
        text=q,
        title=title,
        tags=tag,
        speakers=speaker,
        emotion=emotion,
        since=since,
        until=until,
        min_duration=min_duration,
        max_duration=max_duration,
        status=status,
    )
    try:
        after = None if cursor is None else Cursor.parse(cursor)
        async with context.database.session() as session:
            page = await listing.list_page(session, actor().principal, filters, skip=skip, limit=limit, after=after)
            ids = [item.id for item in page.items]
            people = await overviews.participations(session, ids) if "participants" in include else None
            spans = await overviews.timelines(session, ids) if "timeline" in include else None
    except CursorError as error:
        raise HTTPException(400, str(error)) from error
    except search.SearchError as error:
        raise HTTPException(503, str(error)) from error

    def answer() -> str:
        items = [schemas.ConversationListItem.model_validate(item) for item in page.items]
        for item in items:
            if people is not None:
                item.participants = [schemas.ListedSpeaker.model_validate(one) for one in people.get(item.id, ())]
            if spans is not None:
                item.timeline = [schemas.Span.model_validate(one) for one in spans.get(item.id, ())]
        following = None if page.following is None else str(page.following)
        found = schemas.Conversations(conversations=items, total=page.total, skip=skip, limit=limit, next_cursor=following)
        return found.model_dump_json()

    return Response(await asyncio.to_thread(answer), media_type="application/json")  # FastAPI would validate it again
