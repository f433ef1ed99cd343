"""Ask the archive."""

import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response
from sse_starlette import EventSourceResponse, ServerSentEvent

from api import schemas, security
from api.dependencies import ContextDep
from pipeline.access import Principal
from services.access.actor import actor
from services.access.visibility import check_conversations
from services.answers.ask import Answer
from services.context import AppContext
from services.llm.errors import LlmError, LlmOffError, LlmUnavailableError
from storage.search.search import Filters, SearchError
from storage.speakers import speaker_queries

router = APIRouter(prefix="/ask", tags=["memory"], dependencies=[security.READER])

FAILURES = (LlmError, LlmUnavailableError, SearchError)
REFUSED: dict[int | str, dict[str, Any]] = {
    200: {"model": schemas.ArchiveAnswer, "content": {"text/event-stream": {}}},
    404: {"model": schemas.Error, "description": "There is no such speaker or conversation."},
    502: {"model": schemas.Error, "description": "The language model gave no usable answer, as the sentence says."},
    503: {"model": schemas.Error, "description": "No language model is set up, or it does not answer now."},
}


@router.post("", responses=REFUSED)
async def ask_archive(context: ContextDep, request: Request, asked: schemas.Question) -> Response:
    """Answer a question from the conversations that you see. Each statement has the segments that support it.

    With `Accept: text/event-stream` the answer is server-sent events: `statement` for each as soon as it is written, `answer`
    with all of it at the end, or `error`.
    """
    filters, viewer = await _filters(context, asked), actor().principal
    if context.summaries.description is None:
        raise HTTPException(503, str(LlmOffError()))
    if "text/event-stream" in request.headers.get("accept", ""):
        return EventSourceResponse(_events(context, viewer, asked.question, filters))
    try:
        found = await context.asking.answer(viewer, asked.question, filters)
    except (LlmUnavailableError, SearchError) as error:
        raise HTTPException(503, str(error)) from error
    except LlmError as error:
        raise HTTPException(502, str(error)) from error
    return Response(schemas.ArchiveAnswer.of(found).model_dump_json(), media_type="application/json")


async def _filters(context: AppContext, asked: schemas.Question) -> Filters:
    try:
        if asked.conversation_id is not None:
            await check_conversations(context.database, [asked.conversation_id])
        speaker = None
        if asked.speaker:
            async with context.database.session() as session:
                speaker, _ = await speaker_queries.resolve(session, asked.speaker)
    except LookupError as error:
        raise HTTPException(404, str(error)) from error
    return Filters(speaker, None, asked.conversation_id, asked.since, asked.until)


async def _events(context: AppContext, viewer: Principal, question: str, filters: Filters) -> AsyncIterator[ServerSentEvent]:
    try:
        async with aclosing(context.asking.stream(viewer, question, filters)) as parts:
            async for part in parts:
                if isinstance(part, Answer):
                    yield ServerSentEvent(schemas.ArchiveAnswer.of(part).model_dump_json(), event="answer")
                else:
                    yield ServerSentEvent(schemas.AnswerStatement.of(part).model_dump_json(), event="statement")
    except FAILURES as error:
        yield ServerSentEvent(json.dumps({"detail": str(error)}), event="error")
