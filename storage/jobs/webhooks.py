"""News of jobs that have ended, for the URLs that their senders named: each is tried until it is heard, or given up."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import case, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from storage.jobs import jobs
from storage.jobs.jobs import Job
from storage.tables import JobRow

MOST_ATTEMPTS = 7
FIRST_PAUSE = timedelta(seconds=10)
"""Before the second attempt; four times as long before each next, so that the last comes after about four hours."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A URL to be told of a job."""

    url: str
    attempt: int
    job: Job


async def claim(session: AsyncSession, most: int) -> Sequence[Delivery]:
    """Up to `most` deliveries whose time has come.

    Each counts as attempted, and is due again after a pause unless `delivered` says that it was heard. So one that was cut off
    by the end of the program is made again, and the same news may come twice; its receiver can tell by the id.
    """
    ready = select(JobRow.id).where(JobRow.webhook_at <= func.now()).order_by(JobRow.webhook_at).limit(most)
    pause = FIRST_PAUSE * func.power(4, JobRow.webhook_attempts)
    last = JobRow.webhook_attempts + 1 >= MOST_ATTEMPTS
    attempted = (
        update(JobRow)
        .where(JobRow.id.in_(ready.with_for_update(skip_locked=True)))
        .values(webhook_at=case((last, None), else_=func.now() + pause), webhook_attempts=JobRow.webhook_attempts + 1)
        .returning(JobRow.id, JobRow.webhook_url, JobRow.webhook_attempts)
    )
    rows = (await session.execute(attempted)).all()
    return [Delivery(row.webhook_url, row.webhook_attempts, await jobs.get(session, row.id)) for row in rows]


async def delivered(session: AsyncSession, delivery: Delivery) -> None:
    """It was heard."""
    await session.execute(update(JobRow).where(JobRow.id == delivery.job.id).values(webhook_at=None))
