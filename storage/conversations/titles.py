"""Titles of conversations: those that people give, and those that the program writes."""

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from storage.conversations.conversations import NOT_FOUND
from storage.tables import Conversation


async def rename(session: AsyncSession, conversation_id: int, title: str) -> None:
    """Change the title of the conversation. Raises LookupError where there is no such conversation."""
    values = {"title": title.replace("\0", ""), "title_source": "person"}
    change = update(Conversation).where(Conversation.id == conversation_id).values(values)
    if (await session.scalar(change.returning(Conversation.id))) is None:
        raise LookupError(NOT_FOUND)


async def write(session: AsyncSession, conversation_id: int, title: str) -> None:
    """Give the conversation a title that the program wrote, unless a person gave it one."""
    changed = update(Conversation).where(Conversation.id == conversation_id, Conversation.title_source != "person")
    await session.execute(changed.values(title=title.replace("\0", ""), title_source="program"))
