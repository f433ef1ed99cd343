"""Limits for each principal. All keys of a person share the person's; a client of this machine has none."""

import math
from datetime import UTC, datetime, timedelta
from os import SEEK_END
from typing import BinaryIO

from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.access import ANONYMOUS, LOCAL, Principal
from services.access.actor import actor
from services.errors import LimitExceededError
from services.fetch import fetch
from settings import Settings
from storage.access import usage
from storage.postgres.database import Database

FETCHED_BYTES = "fetched_bytes"
QUEUE_RETRY_S = 60
"""For a queue, or for streams: it is unknown when there will be room."""
GB = 1e9
DAY = timedelta(days=1)


def limited(principal: Principal) -> str | None:
    """Under which name the use of the principal is counted; None for one that has no limits."""
    if principal in (LOCAL, ANONYMOUS):
        return None
    return principal.name if principal.person_id is None else f"person:{principal.person_id}"


async def check_queue(session: AsyncSession, settings: Settings, hours: float = 0.0) -> None:
    """Raises LimitExceededError where the principal may not queue so much more."""
    if (name := limited(actor().principal)) is None:
        return
    queued_h, limit_h = await usage.held(session, name, usage.JOB), settings.limit_queued_hours
    if queued_h >= limit_h or queued_h + hours > limit_h:
        raise LimitExceededError(
            f"You have {queued_h:.1f} hours of audio in the queue, and this adds {hours:.1f}. The limit is {limit_h:g}: wait "
            "until some of them are processed.",
            QUEUE_RETRY_S,
        )


async def add_job(session: AsyncSession, settings: Settings, job_id: int, duration_s: float) -> None:
    """Count a job that this transaction has queued. Raises LimitExceededError; roll back then."""
    await check_queue(session, settings, duration_s / 3600)
    if (name := limited(actor().principal)) is not None:
        await usage.hold(session, name, usage.JOB, job_id, duration_s / 3600)


async def add_stream(session: AsyncSession, settings: Settings, conversation_id: int) -> None:
    """Count a live conversation that this transaction has begun. Raises LimitExceededError; roll back then."""
    if (name := limited(actor().principal)) is None:
        return
    if await usage.held(session, name, usage.STREAM) + 1 > settings.limit_streams:
        raise LimitExceededError(
            f"You have {settings.limit_streams} live streams, the limit: stop one of them, or wait until it is finished.",
            QUEUE_RETRY_S,
        )
    await usage.hold(session, name, usage.STREAM, conversation_id, 1)


async def fetch_counted(database: Database, settings: Settings, url: str, file: BinaryIO) -> str:
    """`services.fetch.fetch`; its bytes count towards the limit. Raises FetchError, LimitExceededError."""
    most = settings.max_upload_mb << 20
    if (name := limited(actor().principal)) is None:
        return await fetch(url, file, most, private=settings.private_urls)
    now = datetime.now(UTC)
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    limit = settings.limit_fetched_gb_per_day
    async with database.session() as session:  # reserved before, so that many fetches at a time do not exceed it together
        granted = int(await usage.take(session, name, FETCHED_BYTES, day, most, limit * GB))
    if granted == 0:
        left_s = math.ceil((day + DAY - now).total_seconds())
        raise LimitExceededError(
            f"The limit of {limit:g} GB fetched for you in a day is reached: upload the file, or try tomorrow (UTC).",
            left_s,
        )
    try:
        return await fetch(url, file, granted, private=settings.private_urls)
    finally:
        unused = max(0, granted - file.seek(0, SEEK_END))
        file.seek(0)
        async with database.session() as session:
            await usage.give_back(session, name, FETCHED_BYTES, day, unused)
