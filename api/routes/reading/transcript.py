"""A transcript in pages, and its speakers."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query

from api import schemas, security
from api.decoding import QueryWords
from api.dependencies import LARGEST_ID, NOT_FOUND, ContextDep, ConversationId, not_found
from api.routes.conversations import MISSING
from storage.conversations import conversations, segments

router = APIRouter(prefix="/conversations/{conversation_id}", tags=["conversations"], dependencies=[security.READER])


@router.get("/segments", responses=MISSING)
async def list_segments(
    context: ContextDep,
    conversation_id: ConversationId,
    skip: Annotated[int, Query(ge=0, le=LARGEST_ID, description=schemas.SKIP)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000, description=schemas.LIMIT)] = 200,
    word_timestamps: QueryWords = True,
) -> schemas.Segments:
    """A page of the segments of a conversation, in order."""
    async with context.database.session() as session:
        page = await segments.page(session, conversation_id, skip, limit, words=word_timestamps)
        total = await segments.count(session, conversation_id)
        if total == 0 and await conversations.progress(session, conversation_id) is None:
            raise NOT_FOUND

    def validated() -> schemas.Segments:
        items = [schemas.Segment.model_validate(segment) for segment in page]
        return schemas.Segments(segments=items, total=total, skip=skip, limit=limit)

    return await asyncio.to_thread(validated)


@router.get("/participants", responses=MISSING)
async def list_participants(context: ContextDep, conversation_id: ConversationId) -> list[schemas.Participant]:
    """The speakers of a conversation, those with the most speech first, with samples and suggestions for unknown voices."""
    try:
        found = await context.speakers.participants(conversation_id)
    except LookupError as error:
        raise not_found(error) from error
    return [schemas.Participant.model_validate(participant) for participant in found]
