"""Change the title and the tags of a conversation."""

from collections.abc import Sequence

from services.access import audit
from storage.conversations import tags, titles
from storage.postgres.database import Database


async def change(
    database: Database, conversation_id: int, *, title: str | None = None, new_tags: Sequence[str] | None = None
) -> None:
    """Change what is given. `new_tags` replace all. Raises LookupError where there is no such conversation."""
    target = f"conversation:{conversation_id}"
    async with database.session() as session:
        if title is not None:
            await titles.rename(session, conversation_id, title)
            await audit.record(session, "conversation.rename", target)
        if new_tags is not None:
            await tags.replace(session, conversation_id, new_tags)
            await audit.record(session, "conversation.tag", target)
