"""Results of the stages of an unfinished job, from which another attempt continues (`pipeline.checkpoint`)."""

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from storage.jobs.jobs import Lease, renew
from storage.tables import JobStageRow


async def read(session: AsyncSession, lease: Lease) -> dict[str, str]:
    """The results of stages that earlier attempts finished, by stage."""
    found = select(JobStageRow.stage, JobStageRow.result).where(JobStageRow.job_id == lease.id)
    return {row.stage: row.result for row in await session.execute(found)}


async def store(session: AsyncSession, lease: Lease, stage: str, result: str) -> None:
    """Store the result of a stage until the job ends. Raises LeaseLostError."""
    await renew(session, lease)
    row = insert(JobStageRow).values(job_id=lease.id, stage=stage, result=result)
    await session.execute(row.on_conflict_do_nothing())
