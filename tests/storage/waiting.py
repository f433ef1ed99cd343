"""Transactions that wait for each other, for tests."""

import asyncio

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pid <> pg_backend_pid()"


async def somebody_waits(session: AsyncSession) -> None:
    """Until another transaction waits for a lock; there is nobody else on a test's server."""
    while not await session.scalar(text(WAITING)):  # noqa: ASYNC110  # PostgreSQL tells nobody
        await asyncio.sleep(0.01)
