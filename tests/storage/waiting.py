"""Transactions that wait for each other, for tests."""

import asyncio

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pid <> pg_backend_pid()"


async def await_lock_waiter(session: AsyncSession) -> None:
    """Wait until another transaction waits for a lock; a test's server has no other clients."""
    while not await session.scalar(text(WAITING)):  # noqa: ASYNC110  # PostgreSQL sends no event for it
        await asyncio.sleep(0.01)
