"""Summaries of conversations."""

from typing import Any

from fastapi import APIRouter, HTTPException

from api import schemas, security
from api.dependencies import ContextDep, ConversationId, not_found
from api.routes.conversations import MISSING
from services.llm.errors import LlmOffError
from storage.conversations.conversations import ConversationBusyError

router = APIRouter(prefix="/conversations/{conversation_id}/summary", tags=["memory"], dependencies=[security.READER])

OFF: dict[int | str, dict[str, Any]] = {
    503: {"model": schemas.Error, "description": "No language model is set up; the sentence says how."}
}
BUSY: dict[int | str, dict[str, Any]] = {409: {"model": schemas.Error, "description": "It is being recorded or processed."}}


@router.get("", responses=MISSING)
async def get_summary(context: ContextDep, conversation_id: ConversationId) -> schemas.Summary:
    """What a language model wrote about the conversation, with the segments that each statement rests on.

    Names are the present ones of the speakers.
    """
    try:
        return schemas.Summary.of(conversation_id, await context.summaries.read(conversation_id))
    except LookupError as error:
        raise not_found(error) from error


@router.post("", dependencies=[security.WRITER], status_code=202, responses=MISSING | BUSY | OFF)
async def renew_summary(
    context: ContextDep, conversation_id: ConversationId, request: schemas.SummaryRequest | None = None
) -> schemas.Job:
    """Have the conversation summarised, in place of the summary that it has. `GET /jobs/{id}` follows the work.

    A conversation that becomes complete is summarised without a request, where a language model is set up.
    """
    chosen = request or schemas.SummaryRequest()
    try:
        return schemas.Job.model_validate(await context.summaries.request(conversation_id, chosen.template))
    except LlmOffError as error:
        raise HTTPException(503, str(error)) from error
    except LookupError as error:
        raise not_found(error) from error
    except ConversationBusyError as error:
        raise HTTPException(409, str(error)) from error
