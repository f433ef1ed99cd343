"""The tags of all conversations."""

from fastapi import APIRouter

from api import schemas, security
from api.dependencies import ContextDep
from services.access.actor import actor
from storage.conversations import tags

router = APIRouter(prefix="/tags", tags=["conversations"], dependencies=[security.READER])


@router.get("")
async def list_tags(context: ContextDep) -> list[schemas.TagCount]:
    """The tags of the conversations that you see, the most used first, at most 1,000."""
    async with context.database.session() as session:
        found = await tags.counts(session, actor().principal)
    return [schemas.TagCount.model_validate(tag) for tag in found]
