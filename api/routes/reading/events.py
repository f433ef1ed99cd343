"""One stream of events for all that a client shows."""

from collections.abc import AsyncIterator

from fastapi import APIRouter, HTTPException
from sse_starlette import EventSourceResponse, ServerSentEvent

from api import schemas, security
from api.dependencies import ContextDep
from api.routes.process import BUSY
from services.access.actor import actor
from services.events.feed import TooManySubscriptionsError

router = APIRouter(prefix="/events", tags=["events"], dependencies=[security.READER])

PING_S = 15
"""Seconds between comments, which keep the connection open in proxies and show when a client is gone."""


class EventStream(EventSourceResponse):
    media_type = "text/event-stream"  # of the documentation


@router.get(
    "",
    response_class=EventStream,
    responses={
        200: {
            "model": schemas.Event,
            "description": "Server-sent events: the name is the `type`, the data is this.",
            "content": {EventStream.media_type: {"schema": {"type": "object"}}},  # FastAPI would add that it is a string
        },
        503: {"model": schemas.Error, "description": "Too many clients follow the events."},
    },
)
async def watch_events(context: ContextDep) -> EventStream:
    """What changes in conversations, jobs and speakers, as server-sent events. Only of conversations that you see.

    The first event is `resync`, also after a reconnection: read what you show, and then again what later events name. The
    server ends the stream after some minutes; browsers connect again by themselves.
    """
    viewer = actor().principal
    try:
        context.events.check_room()
    except TooManySubscriptionsError as error:
        raise HTTPException(503, str(error), BUSY) from error

    async def events() -> AsyncIterator[ServerSentEvent]:
        with context.events.subscription(viewer) as subscription:
            async for event in subscription.events():
                yield ServerSentEvent(event.model_dump_json(), event=event.type)

    return EventStream(events(), ping=PING_S)
