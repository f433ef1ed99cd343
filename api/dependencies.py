"""FastAPI dependencies of the routes.

The ids in a path are dependencies, too: they answer 404 to a principal that does not see the conversation, so that no route
can omit the check.
"""

from typing import Annotated

from fastapi import Depends, HTTPException, Path, Query
from starlette.requests import HTTPConnection

from services.access import visibility
from services.context import AppContext
from storage.conversations import conversations

NOT_FOUND = HTTPException(404, conversations.NOT_FOUND)
LARGEST_ID = 2**31 - 1  # PostgreSQL's `integer`
LARGEST_SEGMENT_ID = 2**63 - 1  # and `bigint`
ExpectedChange = Annotated[
    int | None,
    Query(
        ge=1,
        le=LARGEST_SEGMENT_ID,
        description="The change that is to be undone, by its id. If another one is the last by now, the answer is 409.",
    ),
]


def app_context(connection: HTTPConnection) -> AppContext:
    found: AppContext = connection.app.state.context
    return found


ContextDep = Annotated[AppContext, Depends(app_context)]


async def _conversation_id(context: ContextDep, conversation_id: Annotated[int, Path(ge=1, le=LARGEST_ID)]) -> int:
    try:
        await visibility.check_conversations(context.database, [conversation_id])
    except LookupError as error:
        raise not_found(error) from error
    return conversation_id


async def _lone_segment_id(context: ContextDep, segment_id: Annotated[int, Path(ge=1, le=LARGEST_SEGMENT_ID)]) -> int:
    try:
        await visibility.check_segment(context.database, segment_id)
    except LookupError as error:
        raise not_found(error) from error
    return segment_id


async def _job_id(context: ContextDep, job_id: Annotated[int, Path(ge=1, le=LARGEST_ID)]) -> int:
    try:
        await visibility.check_job(context.database, job_id)
    except LookupError as error:
        raise not_found(error) from error
    return job_id


ConversationId = Annotated[int, Depends(_conversation_id)]
LoneSegmentId = Annotated[int, Depends(_lone_segment_id)]
"""A segment in a path without its conversation."""
JobId = Annotated[int, Depends(_job_id)]


def not_found(error: LookupError) -> HTTPException:
    """The response to a LookupError of the storage."""
    return HTTPException(404, str(error.args[0]))
