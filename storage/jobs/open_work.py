"""How much work the open jobs are: replicas are scaled by it, and metrics show it."""

from dataclasses import dataclass

from sqlalchemy import Double, case, cast, extract, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from storage.jobs.jobs import OPEN
from storage.tables import Conversation, JobRow


@dataclass(frozen=True, slots=True)
class OpenWork:
    jobs: int
    """Queued and running jobs."""
    long_jobs: int
    """Those of long recordings."""
    audio_s: float
    """Seconds of audio that are not processed: of queued jobs, and the rest of the running ones."""
    oldest_s: float
    """Seconds since the oldest queued job arrived; 0 where none is queued."""
    queued: int = 0
    """Those of `jobs` that no worker has claimed, or that wait for their next attempt."""


async def read_open_work(session: AsyncSession, long_recording_s: float) -> OpenWork:
    """Recordings above `long_recording_s` are long."""
    queued = JobRow.state == "queued"
    left = case((queued, 1.0), else_=1.0 - func.least(func.coalesce(Conversation.progress, 0.0), 1.0))
    found = await session.execute(
        select(
            func.count(),
            func.count().filter(JobRow.duration > long_recording_s),
            func.coalesce(func.sum(JobRow.duration * left), 0.0),
            func.coalesce(cast(extract("epoch", func.now() - func.min(JobRow.created_at).filter(queued)), Double), 0.0),
            func.count().filter(queued),
        )
        .select_from(JobRow)
        .join(Conversation, JobRow.conversation_id == Conversation.id)
        .where(JobRow.kind == "recording", OPEN)
    )
    jobs, long_jobs, audio_s, oldest_s, waiting = found.one()
    return OpenWork(jobs, long_jobs, float(audio_s), float(oldest_s), waiting)
