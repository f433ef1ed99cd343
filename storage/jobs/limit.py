"""How many recordings may wait."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from storage.tables import JobRow


class QueueFullError(Exception):
    """The queue is full."""


async def check_room(session: AsyncSession, max_queued: int) -> None:
    """Raises QueueFullError where `max_queued` jobs on recordings are queued."""
    queued = JobRow.state == "queued", JobRow.kind == "recording"
    waiting = (await session.execute(select(func.count()).where(*queued))).scalar_one()
    if waiting >= max_queued:
        raise QueueFullError(f"{waiting} recordings wait to be processed, and no more are taken: try again later.")
