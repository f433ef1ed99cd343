"""Conversations and recordings that are older than they are to be kept.

A day is one of UTC: what was stored on a day is removed `days` days after the end of that day. So all of a day is due at once,
and the tables are rewritten once a day.
"""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import ColumnElement, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from storage.conversations.conversations import UNFINISHED
from storage.erasure import pending
from storage.postgres.conditions import one_of
from storage.tables import Conversation

RETENTION_LOCK = 0x72657465  # "rete"; the key of an advisory lock


async def lock(session: AsyncSession) -> bool:
    """Take the lock of the one process that removes what is old, until the end of the transaction; False if another has it."""
    return bool(await session.scalar(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": RETENTION_LOCK}))


async def old_conversations(session: AsyncSession, days: int, limit: int) -> Sequence[int]:
    """Conversations to erase, the oldest first; one that is being processed or recorded is left for later."""
    return await _old(session, days, limit)


async def remove_recordings(session: AsyncSession, days: int, limit: int) -> Sequence[int]:
    """Have old recordings removed from the audio store after the commit; returns their conversations, which stay."""
    ids = await _old(session, days, limit, Conversation.audio_key.is_not(None))
    which = one_of(Conversation.id, ids)
    for key in await session.scalars(select(Conversation.audio_key).where(which)):
        if key is not None:
            await pending.add_file(session, key)
    await session.execute(update(Conversation).where(which).values(audio_key=None, audio_removed_at=func.now()))
    return ids


async def _old(session: AsyncSession, days: int, limit: int, *conditions: ColumnElement[bool]) -> Sequence[int]:
    stored_before = func.date_trunc("day", func.now(), "UTC") - timedelta(days=days)
    old = (Conversation.created_at < stored_before, ~UNFINISHED, *conditions)
    found = select(Conversation.id).where(*old).order_by(Conversation.created_at, Conversation.id).limit(limit)
    return (await session.scalars(found.with_for_update(skip_locked=True))).all()
