"""Tools that answer from the whole archive."""

from typing import Annotated

from pydantic import Field

from mcp_server import arguments as arg
from mcp_server import results
from mcp_server.backend import Work, work
from services.access.actor import actor
from services.answers.ask import MAX_QUESTION_CHARS
from storage.search.search import Filters


async def ask_memory(
    ctx: Work,
    question: Annotated[str, Field(min_length=1, max_length=MAX_QUESTION_CHARS)],
    conversation_id: arg.MaybeConversationId = None,
) -> results.Answer:
    """Answer a question from all conversations or one. Each statement has the segments that support it."""
    with work(ctx) as backend:
        found = await backend.asking.answer(actor().principal, question, Filters(conversation_id=conversation_id))
    return results.Answer(
        found=found.found,
        answer=found.text,
        statements=[
            results.AnswerStatement(text=one.text, sources=[results.Source.model_validate(hit) for hit in one.segments])
            for one in found.statements
        ],
    )
