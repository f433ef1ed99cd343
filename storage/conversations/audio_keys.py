"""Whether a conversation names a file of the audio store, also while the transaction that names it is being committed."""

from sqlalchemy import exists, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from storage.tables import Conversation

LOCK = 0x6175  # "au"; the first key of the advisory lock of a file
LOCK_TIMEOUT = "5s"
"""How long `is_named` waits. After a client is lost, its transaction lasts until the server notices that."""


async def lock(session: AsyncSession, key: str) -> None:
    """Have `is_named` wait for the end of the transaction. Called before the key is stored."""
    await session.execute(select(func.pg_advisory_xact_lock(LOCK, func.hashtext(key))))


async def is_named(session: AsyncSession, key: str) -> bool:
    """Whether a conversation has the file as its recording, once the transaction that stores the key has ended.

    Raises an error of the database if that lasts for more than `LOCK_TIMEOUT`.
    """
    await session.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"))
    await lock(session, key)
    return bool(await session.scalar(select(exists().where(Conversation.audio_key == key))))
