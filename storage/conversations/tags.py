"""Tags of conversations."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.access import Principal
from pipeline.tags import MAX_TAGS
from storage.access.visibility import in_visible
from storage.conversations.conversations import NOT_FOUND
from storage.tables import Conversation, ConversationTag
from storage.tables.names import key_of

MAX_LISTED = 1000
"""Tags that are listed; the rarest of more are left out."""


class TooManyTagsError(ValueError):
    """A conversation would have more than `MAX_TAGS`."""

    def __init__(self) -> None:
        super().__init__(f"A conversation has at most {MAX_TAGS} tags: remove some first.")


@dataclass(frozen=True, slots=True)
class TagCount:
    name: str
    """The spelling that most conversations use."""
    conversations: int


async def replace(session: AsyncSession, conversation_id: int, tags: Sequence[str]) -> None:
    """Set the tags, of which no two are one tag. Raises LookupError where there is no such conversation."""
    await _lock(session, conversation_id)
    await session.execute(delete(ConversationTag).where(ConversationTag.conversation_id == conversation_id))
    await _insert(session, conversation_id, tags)


async def add(session: AsyncSession, conversation_id: int, tags: Sequence[str]) -> None:
    """Add tags; those that it has stay as they are spelled. Raises LookupError, TooManyTagsError."""
    await _lock(session, conversation_id)
    await _insert(session, conversation_id, tags)
    number = select(func.count()).select_from(ConversationTag).where(ConversationTag.conversation_id == conversation_id)
    if (await session.execute(number)).scalar_one() > MAX_TAGS:
        raise TooManyTagsError


async def remove(session: AsyncSession, conversation_id: int, tags: Sequence[str]) -> None:
    """Remove tags, in any spelling. Raises LookupError where there is no such conversation."""
    await _lock(session, conversation_id)
    meant = ConversationTag.name_key.in_([key_of(tag) for tag in tags])
    await session.execute(delete(ConversationTag).where(ConversationTag.conversation_id == conversation_id, meant))


async def counts(session: AsyncSession, viewer: Principal) -> list[TagCount]:
    """The tags of the conversations that the viewer sees, the most used first."""
    number = func.count().label("number")
    name = func.mode().within_group(ConversationTag.name).label("name")
    found = select(name, number).where(*in_visible(viewer, ConversationTag.conversation_id))
    ordered = found.group_by(ConversationTag.name_key).order_by(number.desc(), ConversationTag.name_key).limit(MAX_LISTED)
    return [TagCount(*row) for row in await session.execute(ordered)]


async def _lock(session: AsyncSession, conversation_id: int) -> None:
    found = select(Conversation.id).where(Conversation.id == conversation_id).with_for_update(key_share=True)
    if await session.scalar(found) is None:
        raise LookupError(NOT_FOUND)


async def _insert(session: AsyncSession, conversation_id: int, tags: Sequence[str]) -> None:
    if tags:
        rows = [{"conversation_id": conversation_id, "name": tag} for tag in tags]
        await session.execute(insert(ConversationTag).values(rows).on_conflict_do_nothing())
