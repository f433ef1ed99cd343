"""Numbers of login attempts in the current period, in the table `usage`, which all replicas share."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import bindparam, delete, extract, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from storage.tables import Usage

RESOURCE = "login"
PERIOD = timedelta(minutes=15)


async def count(session: AsyncSession, origin: str, limit: int) -> float | None:
    """Count an attempt of `origin`; None if it is within the limit, else the seconds until the period ends.

    One statement that counts and compares: attempts at the same time cannot all pass. A refused attempt writes nothing.
    """
    start = func.date_bin(bindparam("period", PERIOD), func.now(), func.to_timestamp(0))
    new = insert(Usage).values(principal=origin, resource=RESOURCE, period_start=start, amount=1)
    counted = new.on_conflict_do_update(
        index_elements=[Usage.principal, Usage.resource, Usage.period_start],
        set_={"amount": Usage.amount + 1},
        where=Usage.amount < limit,
    )
    if await session.scalar(counted.returning(Usage.amount)) is not None:
        return None
    return float(await session.scalar(select(extract("epoch", start + PERIOD - func.now()))) or 0)


async def forget(session: AsyncSession, origins: Sequence[str]) -> None:
    """Start again from zero."""
    await session.execute(delete(Usage).where(Usage.resource == RESOURCE, Usage.principal.in_(origins)))


async def purge_ended(session: AsyncSession) -> None:
    """Delete the numbers of periods that have ended."""
    await session.execute(delete(Usage).where(Usage.resource == RESOURCE, Usage.period_start <= func.now() - PERIOD))
