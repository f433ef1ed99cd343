"""Webhook deliveries of ended jobs, as rows: each is repeated until it succeeds or the last attempt has failed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import case, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from storage.jobs import jobs
from storage.jobs.jobs import Job
from storage.postgres.conditions import unlocked
from storage.tables import JobRow

MAX_ATTEMPTS = 7
FIRST_RETRY_DELAY_S = 10.0
"""Delay before the second attempt; four times as long before each next one, so that the last is after about four hours."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """An attempt to report a job to a URL."""

    url: str
    attempt: int
    job: Job


async def claim(session: AsyncSession, limit: int) -> Sequence[Delivery]:
    """Up to `limit` deliveries that are due.

    Each counts as an attempt, and is due again after a delay unless `mark_delivered` is called. So a delivery that the end of
    the program interrupts is repeated, and a receiver may get the same event twice; the event's id identifies it.
    """
    ready = select(JobRow.id).where(JobRow.webhook_at <= func.now()).order_by(JobRow.webhook_at).limit(limit)
    chosen = unlocked(ready)
    delay = timedelta(seconds=FIRST_RETRY_DELAY_S) * func.power(4, JobRow.webhook_attempts)
    last = JobRow.webhook_attempts + 1 >= MAX_ATTEMPTS
    attempted = (
        update(JobRow)
        .where(JobRow.id == chosen.c.id)
        .values(webhook_at=case((last, None), else_=func.now() + delay), webhook_attempts=JobRow.webhook_attempts + 1)
        .returning(JobRow.id, JobRow.webhook_url, JobRow.webhook_attempts)
    )
    rows = (await session.execute(attempted)).all()
    return [Delivery(row.webhook_url, row.webhook_attempts, await jobs.get(session, row.id)) for row in rows]


async def mark_delivered(session: AsyncSession, delivery: Delivery) -> None:
    """Record that the receiver accepted the event."""
    await session.execute(update(JobRow).where(JobRow.id == delivery.job.id).values(webhook_at=None))
