"""What principals use of limited resources, counted for all replicas together.

There are two kinds of rows: an amount that grows in a period, such as the requests of a minute; and what a principal holds, a
queued job or a live stream, which counts as long as that is unfinished. So nothing has to be returned when a replica dies.

This is our own code. Of the libraries, `limits` and `slowapi` have no store in PostgreSQL, and PyrateLimiter's needs a second
driver and a row for each request.
"""

from datetime import datetime, timedelta

from sqlalchemy import Text, delete, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from storage.tables import Conversation, JobRow, Usage

KEPT = timedelta(days=7)
"""Rows older than this are deleted; no period is longer than a day, and no stream or queue lasts longer than some days."""
LOCK = 0x7573  # "us"; the first key of the advisory lock of a principal
JOB, STREAM = "job:", "stream:"


async def take(session: AsyncSession, principal: str, resource: str, period: datetime, wanted: float, limit: float) -> float:
    """Use up to `wanted` of what is left of `limit` in the period that starts at `period`; returns how much, 0 for nothing."""
    row = {"principal": principal, "resource": resource, "period_start": period}
    # Without an effect where the row exists. It locks the row, so that the amount does not change until the update.
    start = insert(Usage).values(row | {"amount": 0.0})
    same = start.on_conflict_do_update(index_elements=list(row), set_={"amount": Usage.amount}).returning(Usage.amount)
    used: float = (await session.execute(same)).scalar_one()
    granted = max(0.0, min(wanted, limit - used))
    if granted:
        await _add(session, principal, resource, period, granted)
    return granted


async def give_back(session: AsyncSession, principal: str, resource: str, period: datetime, amount: float) -> None:
    """Return what `take` granted and was not used."""
    await _add(session, principal, resource, period, -amount)


async def hold(session: AsyncSession, principal: str, kind: str, id_: int, amount: float) -> None:
    """Count `amount` for an unfinished job or stream."""
    row = {"principal": principal, "resource": f"{kind}{id_}", "period_start": func.now(), "amount": amount}
    await session.execute(insert(Usage).values(row))


async def held(session: AsyncSession, principal: str, kind: str) -> float:
    """The amounts of a principal's unfinished jobs or streams. Others of this principal wait until the transaction ends."""
    await session.execute(select(func.pg_advisory_xact_lock(LOCK, func.hashtext(principal))))
    if kind == JOB:
        unfinished = select(literal(JOB) + JobRow.id.cast(Text)).where(JobRow.state.in_(("queued", "running")))
    else:
        unfinished = select(literal(STREAM) + Conversation.id.cast(Text)).where(Conversation.status == "recording")
    own = select(func.coalesce(func.sum(Usage.amount), 0.0)).where(Usage.principal == principal)
    return (await session.execute(own.where(Usage.resource.in_(unfinished)))).scalar_one()


async def purge(session: AsyncSession) -> None:
    """Delete old rows."""
    await session.execute(delete(Usage).where(Usage.period_start < func.now() - KEPT))


async def _add(session: AsyncSession, principal: str, resource: str, period: datetime, amount: float) -> None:
    which = (Usage.principal == principal, Usage.resource == resource, Usage.period_start == period)
    await session.execute(update(Usage).where(*which).values(amount=Usage.amount + amount))
