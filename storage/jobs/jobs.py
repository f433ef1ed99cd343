"""The job queue: rows of PostgreSQL, each leased to one worker at a time.

A worker holds a job by a lease, which it renews while it works. A lease that is not renewed expires, and the job can be claimed
again. Everything that a worker writes for a job is in one transaction with `renew` or with the end of the job; both check that
the lease is still valid. So a worker with an expired lease cannot overwrite the result of its successor. Each claim counts as
an attempt, so a job that kills its workers is set aside after `MAX_ATTEMPTS`.

The queue is our own code and no library. A job must be queued in the transaction that creates its conversation, each write of a
worker must be checked against its lease in the same transaction, and the order of claims depends on the recordings' length.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError
from sqlalchemy import ColumnElement, Double, Select, and_, case, cast, delete, extract, func, insert, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from storage.conversations import conversations
from storage.jobs import counts, summary_queue
from storage.jobs.limit import check_room
from storage.jobs.options import JobOptions, has_only_unknown_fields
from storage.tables import Conversation, JobRow, JobStageRow
from storage.tables.jobs import JobKind

CHANNEL = "job"
"""The PostgreSQL channel on which new work is announced; `storage.events.notifications` listens."""

LEASE_S = 15.0
"""How long a claim or a renewal is valid."""
_LEASE = timedelta(seconds=LEASE_S)
MAX_ATTEMPTS = 3
UPDATE_S = 600.0
"""How long a job with options that a worker does not know waits for a worker of a newer version."""
MIN_ESTIMATE_PROGRESS = 0.05
"""Progress from which the remaining time of a job is estimated; the first seconds say little about the others."""
BACKOFF_S = 5.0
"""Delay before the second attempt; four times as long before the third."""
MAX_DUE_DELAY_S = 3600.0
"""A job is due as long after its arrival as its recording lasts, so that shorter ones go first, but at most so much later."""

OPEN = JobRow.state.in_(("queued", "running"))
SET_ASIDE = (
    f"The program was cut off {MAX_ATTEMPTS} times while it worked on this recording, which may be the reason: send a shorter "
    "piece of it, or retry the job."
)
CANCELLED = "Cancelled."
UNREADABLE = "The job was stored by another version of this program, which this one cannot read: process the recording again."
NOT_FOUND = "Job not found"


class LeaseLostError(Exception):
    """The lease is no longer valid: another worker claimed the job, or it has ended."""


class JobStateError(Exception):
    """The job's state does not allow the operation."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A job that a worker has claimed."""

    id: int
    kind: str
    attempts: int
    """The number of the claim. Together with the worker's name it identifies the lease."""
    worker: str
    conversation_id: int
    options: JobOptions
    duration: float


@dataclass(frozen=True, slots=True)
class Job:
    id: int
    kind: str
    conversation_id: int
    state: str
    stage: str | None
    progress: float
    attempts: int
    duration: float
    """Of the recording, in seconds."""
    error: str | None
    created_at: datetime
    finished_at: datetime | None
    remaining_seconds: float | None
    """Estimated from the progress of this attempt; None where it is not running or has just begun."""


async def enqueue(
    session: AsyncSession,
    conversation_id: int,
    options: JobOptions,
    duration: float,
    *,
    max_queued: int,
    webhook_url: str | None = None,
) -> int:
    """Queue the processing of a recording; workers see the job once this transaction is committed. Returns the job's id.

    Raises QueueFullError where `max_queued` jobs are queued.
    """
    await check_room(session, max_queued)
    return await insert_job(session, conversation_id, options.model_dump(mode="json"), duration, webhook_url)


async def insert_job(
    session: AsyncSession,
    conversation_id: int,
    options: Mapping[str, Any],
    duration: float,
    webhook_url: str | None,
    kind: str = "recording",
) -> int:
    """Queue a job of any kind; `duration` is that of the conversation's recording. Returns the job's id."""
    values = {"kind": kind, "options": options, "duration": duration, "webhook_url": webhook_url}
    due = func.now() + timedelta(seconds=min(duration, MAX_DUE_DELAY_S))
    new = insert(JobRow).values(**values, conversation_id=conversation_id, due=due)
    id_: int = (await session.execute(new.returning(JobRow.id))).scalar_one()
    counts.entered(session, "queued")
    await announce(session)
    return id_


async def announce(session: AsyncSession) -> None:
    """Notify the workers when this transaction is committed."""
    await session.execute(text("SELECT pg_notify(:channel, '')"), {"channel": CHANNEL})


async def claim(
    session: AsyncSession, worker: str, max_duration_s: float | None = None, kind: JobKind = "recording"
) -> Lease | None:
    """Lease the job that is due first, of a recording up to `max_duration_s`; None where no job is ready."""
    expired = and_(JobRow.state == "running", JobRow.lease_until < func.now())
    ready = or_(and_(JobRow.state == "queued", JobRow.run_after <= func.now()), expired)
    turn = select(JobRow.id).where(JobRow.kind == kind, ready, JobRow.attempts < MAX_ATTEMPTS)
    turn = turn.order_by(JobRow.due, JobRow.id).limit(1)
    if max_duration_s is not None:
        turn = turn.where(JobRow.duration <= max_duration_s)
    values = {
        "state": "running",
        "worker": worker,
        "lease_until": func.now() + _LEASE,
        "attempts": JobRow.attempts + 1,
        "started_at": func.now(),
    }
    taken = update(JobRow).where(JobRow.id == turn.with_for_update(skip_locked=True).scalar_subquery()).values(values)
    row = (await session.execute(taken.returning(*(getattr(JobRow, field.name) for field in fields(Lease))))).one_or_none()
    if row is None:
        return None
    try:
        lease = Lease(**row._asdict() | {"options": JobOptions.model_validate(row.options)})
    except ValidationError as error:  # an error here would hold up all jobs behind this one
        superseded = row.kind == "summary" and await summary_queue.queued(session, row.conversation_id)
        if superseded or not has_only_unknown_fields(error) or not await _leave_to_newer_worker(session, row.id):
            await _end(session, [JobRow.id == row.id], "failed", UNREADABLE)
        return await claim(session, worker, max_duration_s, kind)
    counts.claimed(session, lease.attempts)
    return lease


async def _leave_to_newer_worker(session: AsyncSession, job_id: int) -> bool:
    """Queue a job again that has options of a newer version; False where no such worker has claimed it for `UPDATE_S`.

    While the program is updated, workers of both versions run. A job processed without an option would have a wrong result.
    """
    recent = JobRow.created_at > func.now() - timedelta(seconds=UPDATE_S)
    values = {"state": "queued", "worker": None, "lease_until": None, "attempts": JobRow.attempts - 1}
    left = (
        update(JobRow).where(JobRow.id == job_id, recent).values(**values, run_after=func.now() + timedelta(seconds=BACKOFF_S))
    )
    return (await session.scalars(left.returning(JobRow.id))).one_or_none() is not None


async def set_aside(session: AsyncSession) -> int:
    """Fail the jobs of which the last attempt expired; returns how many."""
    expired = (JobRow.state == "running", JobRow.lease_until < func.now(), JobRow.attempts >= MAX_ATTEMPTS)
    found = select(JobRow.id).where(*expired).with_for_update(skip_locked=True)
    ids = (await session.scalars(found)).all()
    for id_ in ids:
        await _end(session, [JobRow.id == id_], "failed", SET_ASIDE)
    return len(ids)


async def renew(session: AsyncSession, lease: Lease) -> bool:
    """Extend the lease; returns whether the job is to be cancelled. Raises LeaseLostError."""
    extended = update(JobRow).where(*_held(lease)).values(lease_until=func.now() + _LEASE).returning(JobRow.cancel_requested)
    cancelled = (await session.scalars(extended)).one_or_none()
    if cancelled is None:
        raise LeaseLostError
    return cancelled


async def renew_all(session: AsyncSession, leases: Sequence[Lease]) -> dict[int, bool]:
    """Extend the leases; returns those that are still held, by job, and whether the job is to be cancelled.

    A row that another transaction has locked is left to the next time, so that it holds up no other: no worker can claim it.
    """
    held = or_(*(and_(*_held(lease)) for lease in leases))
    found = await session.execute(select(JobRow.id, JobRow.cancel_requested).where(held))
    current = {row.id: row.cancel_requested for row in found}
    free = select(JobRow.id).where(held).with_for_update(skip_locked=True)
    await session.execute(update(JobRow).where(JobRow.id.in_(free)).values(lease_until=func.now() + _LEASE))
    return current


async def report(session: AsyncSession, lease: Lease, stage: str, fraction: float) -> None:
    """Record the running stage and the fraction of the whole job that is done. Raises LeaseLostError."""
    await renew(session, lease)
    if lease.kind != "recording":
        await session.execute(update(JobRow).where(JobRow.id == lease.id).values(stage=stage, progress=fraction))
        return
    await conversations.set_progress(session, lease.conversation_id, stage, fraction)


async def finish(session: AsyncSession, lease: Lease) -> None:
    """Complete the job, in the transaction that stores its result. Raises LeaseLostError; roll back then."""
    await _end(session, _held(lease), "completed", None)


async def fail(session: AsyncSession, lease: Lease, reason: str) -> None:
    """Fail the job for good; `reason` is a sentence for the user. Raises LeaseLostError."""
    await _end(session, _held(lease), "failed", reason)


async def confirm_cancel(session: AsyncSession, lease: Lease) -> None:
    """End a job that is to be cancelled. Raises LeaseLostError."""
    await _end(session, _held(lease), "cancelled", CANCELLED)


async def retry_later(session: AsyncSession, lease: Lease, reason: str, max_attempts: int = MAX_ATTEMPTS) -> bool:
    """Queue the job again after a delay, or fail it after its last attempt, or where a newer one does the same work.

    Returns whether it is queued.

    Raises LeaseLostError.
    """
    superseded = await summary_queue.is_superseded(session, lease.kind, lease.conversation_id)
    if superseded or lease.attempts >= max_attempts:
        await fail(session, lease, summary_queue.SUPERSEDED if superseded else reason)
        return False
    delay = timedelta(seconds=BACKOFF_S * 4 ** (lease.attempts - 1))
    await _requeue(session, lease, run_after=func.now() + delay, error=conversations.storable_error(reason))
    return True


async def release(session: AsyncSession, lease: Lease) -> None:
    """Queue the job again because the worker stops; this attempt does not count. Raises LeaseLostError."""
    if await summary_queue.is_superseded(session, lease.kind, lease.conversation_id):
        await _end(session, _held(lease), "cancelled", summary_queue.SUPERSEDED)
    else:
        await _requeue(session, lease, attempts=JobRow.attempts - 1)


async def cancel(session: AsyncSession, job_id: int) -> Job:
    """Cancel a queued job, or have a running one stopped within seconds. Raises LookupError, JobStateError."""
    job = await get(session, job_id, lock=True)
    if job.state == "queued":
        await _end(session, [JobRow.id == job_id], "cancelled", CANCELLED)
    elif job.state == "running":
        await session.execute(update(JobRow).where(JobRow.id == job_id).values(cancel_requested=True))
        await announce(session)
    else:
        raise JobStateError(f"The job is {job.state} already.")
    return await get(session, job_id)


async def retry(session: AsyncSession, job_id: int, *, max_queued: int) -> Job:
    """Queue a new job in place of one that failed or was cancelled. Raises LookupError, JobStateError, QueueFullError."""
    # Lock the conversation first, as its deletion does; the other order could deadlock with it.
    of_job = select(JobRow.conversation_id).where(JobRow.id == job_id)
    conversation = select(Conversation.id).where(Conversation.id == of_job.scalar_subquery())
    await session.execute(conversation.with_for_update(key_share=True))
    job = await get(session, job_id, lock=True)
    if job.state not in ("failed", "cancelled"):
        raise JobStateError(f"The job is {job.state}; only one that failed or was cancelled can be retried.")
    try:
        if job.kind == "recording":
            await check_room(session, max_queued)
            await conversations.reopen(session, job.conversation_id)
        elif await summary_queue.queued(session, job.conversation_id):
            raise JobStateError("The same work is queued again already.")
    except conversations.ConversationBusyError as error:
        raise JobStateError("The recording is in work again already.") from error
    columns = (JobRow.options, JobRow.webhook_url)
    options, webhook_url = (await session.execute(select(*columns).where(JobRow.id == job_id))).one()
    new = await insert_job(session, job.conversation_id, options, job.duration, webhook_url, job.kind)
    return await get(session, new)


async def webhook_url(session: AsyncSession, job_id: int) -> str | None:
    return await session.scalar(select(JobRow.webhook_url).where(JobRow.id == job_id))


async def get(session: AsyncSession, job_id: int, *, lock: bool = False) -> Job:
    """Raises LookupError."""
    found = select_jobs().where(JobRow.id == job_id)
    row = (await session.execute(found.with_for_update(of=JobRow) if lock else found)).one_or_none()
    if row is None:
        raise LookupError(NOT_FOUND)
    return Job(*row)


def select_jobs() -> Select[Any]:
    """The columns of `Job`. Stage and progress of a running job on a recording are those of its conversation."""
    running, recording = JobRow.state == "running", JobRow.kind == "recording"
    stage = case((recording, Conversation.stage), else_=JobRow.stage)
    done = case((recording, Conversation.progress), else_=JobRow.progress)
    so_far = extract("epoch", func.clock_timestamp() - JobRow.started_at)
    remaining = case((and_(running, done >= MIN_ESTIMATE_PROGRESS), cast(so_far, Double) * (1 - done) / done))
    computed = {
        "stage": case((running, stage)).label("stage"),
        "progress": case((running, done), (JobRow.state == "completed", 1.0), else_=0.0).label("progress"),
        "remaining_seconds": remaining.label("remaining_seconds"),
    }
    columns = [computed[field.name] if field.name in computed else getattr(JobRow, field.name) for field in fields(Job)]
    return select(*columns).join(Conversation, JobRow.conversation_id == Conversation.id)


def _held(lease: Lease) -> list[ColumnElement[bool]]:
    own = JobRow.id == lease.id, JobRow.worker == lease.worker, JobRow.attempts == lease.attempts
    return [*own, JobRow.state == "running"]


async def _end(session: AsyncSession, which: Sequence[ColumnElement[bool]], state: str, error: str | None) -> None:
    stored = None if error is None else conversations.storable_error(error)
    values: dict[str, Any] = {"state": state, "error": stored, "finished_at": func.now(), "worker": None, "lease_until": None}
    values["webhook_at"] = case((JobRow.webhook_url.is_not(None), func.now()))
    ended = update(JobRow).where(*which).values(values).returning(JobRow.id, JobRow.kind, JobRow.conversation_id)
    row = (await session.execute(ended)).one_or_none()
    if row is None:
        raise LeaseLostError
    counts.entered(session, state)
    await session.execute(delete(JobStageRow).where(JobStageRow.job_id == row.id))
    if error is not None and row.kind == "recording":
        await conversations.fail(session, row.conversation_id, error)


async def _requeue(session: AsyncSession, lease: Lease, **values: Any) -> None:
    back = update(JobRow).where(*_held(lease)).values(state="queued", worker=None, lease_until=None, **values)
    if (await session.scalars(back.returning(JobRow.id))).one_or_none() is None:
        raise LeaseLostError
    await announce(session)
