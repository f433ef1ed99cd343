"""Read several jobs at a time."""

from collections.abc import Sequence

from sqlalchemy import and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.access import Principal
from storage.access.visibility import in_visible
from storage.jobs.jobs import Job, select_jobs
from storage.postgres.conditions import one_of
from storage.tables import JobRow
from storage.tables.jobs import JobKind


async def list_page(
    session: AsyncSession,
    viewer: Principal,
    skip: int = 0,
    limit: int = 100,
    state: str | None = None,
    kind: JobKind | None = None,
) -> tuple[Sequence[Job], int]:
    """A page of the jobs on conversations that the viewer sees, newest first, and their number."""
    which = [*in_visible(viewer, JobRow.conversation_id)]
    which += [JobRow.state == state] if state is not None else []
    which += [JobRow.kind == kind] if kind is not None else []
    rows = await session.execute(select_jobs().where(*which).order_by(JobRow.id.desc()).offset(skip).limit(limit))
    total = await session.scalar(select(func.count()).select_from(JobRow).where(*which))
    return [Job(*row) for row in rows], total or 0


async def of_conversations(session: AsyncSession, job_ids: Sequence[int], conversation_ids: Sequence[int]) -> list[Job]:
    """The jobs with these ids, and the running ones on these conversations, in no order."""
    running = and_(JobRow.state == "running", JobRow.kind == "recording", one_of(JobRow.conversation_id, conversation_ids))
    return [Job(*row) for row in await session.execute(select_jobs().where(or_(one_of(JobRow.id, job_ids), running)))]
