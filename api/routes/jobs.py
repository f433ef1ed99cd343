"""Jobs: list running, queued and failed jobs, cancel a job, and retry one."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query
from sse_starlette import EventSourceResponse, ServerSentEvent

from api import schemas, security
from api.dependencies import LARGEST_ID, ContextDep, JobId, not_found
from api.routes.process import BUSY, FULL
from services.access import audit, limits
from services.access.actor import actor
from services.context import AppContext
from storage.jobs import jobs, lists
from storage.jobs.limit import QueueFullError
from storage.tables.jobs import JobKind

POLL_INTERVAL_S = 1.0

router = APIRouter(prefix="/jobs", tags=["jobs"], dependencies=[security.READER])

MISSING: dict[int | str, dict[str, Any]] = {404: {"model": schemas.Error, "description": "There is no such job."}}
STATE: dict[int | str, dict[str, Any]] = {409: {"model": schemas.Error, "description": "Its state does not allow it."}}


@router.get("")
async def list_jobs(
    context: ContextDep,
    skip: Annotated[int, Query(ge=0, le=LARGEST_ID, description=schemas.SKIP)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000, description=schemas.LIMIT)] = 100,
    state: Annotated[
        Literal["queued", "running", "completed", "failed", "cancelled"] | None, Query(description="Only these.")
    ] = None,
    kind: Annotated[JobKind | Literal["all"], Query(description="Only these.")] = "recording",
) -> schemas.Jobs:
    """Newest first."""
    async with context.database.session() as session:
        page, total = await lists.list_page(session, actor().principal, skip, limit, state, None if kind == "all" else kind)
    return schemas.Jobs(jobs=[schemas.Job.model_validate(job) for job in page], total=total, skip=skip, limit=limit)


@router.get("/{job_id}", responses=MISSING)
async def get_job(context: ContextDep, job_id: JobId) -> schemas.Job:
    """The state and progress of a job."""
    async with context.database.session() as session:
        with _refusals():
            return schemas.Job.model_validate(await jobs.get(session, job_id))


@router.get("/{job_id}/events", response_class=EventSourceResponse, responses=MISSING)
async def watch_job(context: ContextDep, job_id: JobId) -> EventSourceResponse:
    """The same as server-sent events named `job`: one at once, one at every change, the last when the job has ended."""
    job = await get_job(context, job_id)  # 404 before the stream starts

    async def events() -> AsyncIterator[ServerSentEvent]:
        sent = None
        async for _ in _moments(context, job):
            found = await get_job(context, job_id)
            if found != sent:
                yield ServerSentEvent(found.model_dump_json(), event="job")
            sent = found
            if found.finished_at is not None:
                return

    return EventSourceResponse(events())


@router.post("/{job_id}/cancel", dependencies=[security.WRITER], responses=MISSING | STATE)
async def cancel_job(context: ContextDep, job_id: JobId) -> schemas.Job:
    """Cancel a job. A running job stops within seconds; read it again until its state says so."""
    async with context.database.session() as session:
        with _refusals():
            job = await jobs.cancel(session, job_id)
        await audit.record(session, "job.cancel", f"job:{job_id}")
    return schemas.Job.model_validate(job)


@router.post("/{job_id}/retry", dependencies=[security.WRITER], status_code=202, responses=MISSING | STATE | FULL)
async def retry_job(context: ContextDep, job_id: JobId) -> schemas.Job:
    """Queue a new job in place of one that failed or was cancelled. The response is the new job."""
    async with context.database.session() as session:
        with _refusals():
            job = await jobs.retry(session, job_id, max_queued=context.settings.max_queued)
        if job.kind == "recording":
            await limits.add_job(session, context.settings, job.id, job.duration)
        await audit.record(session, "job.retry", f"job:{job_id}")
    return schemas.Job.model_validate(job)


async def _moments(context: AppContext, job: schemas.Job) -> AsyncIterator[object]:
    """When a job may have changed. Conversations notify of work on their recordings only."""
    if job.kind == "recording":
        async for progress in context.notifications.watch(job.conversation_id):
            yield progress
        return
    while True:
        yield None
        await asyncio.sleep(POLL_INTERVAL_S)


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except LookupError as error:
        raise not_found(error) from error
    except jobs.JobStateError as error:
        raise HTTPException(409, str(error)) from error
    except QueueFullError as error:
        raise HTTPException(503, str(error), BUSY) from error
