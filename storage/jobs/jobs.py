"""Work on recordings as rows: handed out to one worker at a time, taken back from one that dies, never lost.

A worker holds a job by a lease, which it renews while it works. Everything it writes for the job is in one transaction with
`renew` or an end, which check that the lease is still its own: a worker that was thought dead cannot finish over
its successor. Each claim counts as an attempt, so that a job which kills its worker is set aside in the end.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, delete, func, insert, or_, select, text, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession

from storage.conversations import conversations
from storage.tables import Conversation, JobRow, JobStageRow

CHANNEL = "job"
"""The PostgreSQL channel on which new work is announced; `storage.jobs.notifications` listens."""

LEASE = timedelta(seconds=15)
"""How long a worker that says nothing is believed to be alive."""
MOST_ATTEMPTS = 3
BACKOFF = 5.0
"""Seconds before the second attempt; four times as many before the next."""
FAIREST = timedelta(hours=1)
"""A recording lets shorter ones go first, as if it had come by its own length later, but by no more than this."""

OPEN = JobRow.state.in_(("queued", "running"))
SET_ASIDE = (
    f"The program was cut off {MOST_ATTEMPTS} times while it worked on this recording, which may be the reason: send a shorter "
    "piece of it, or retry the job."
)
CANCELLED = "Cancelled."
NOT_FOUND = "Job not found"


class LeaseLostError(Exception):
    """Another worker has the job, or nobody wants it done any more."""


class QueueFullError(Exception):
    """As many recordings wait as may."""


class JobStateError(Exception):
    """The job is not in a state in which this can be done."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A job in the hands of a worker."""

    id: int
    attempts: int
    """With the worker's name, what makes this lease different from all others."""
    worker: str
    conversation_id: int
    options: dict[str, Any]
    duration: float


@dataclass(frozen=True, slots=True)
class Job:
    id: int
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


async def enqueue(
    session: AsyncSession,
    conversation_id: int,
    options: dict[str, Any],
    duration: float,
    *,
    most: int,
    webhook_url: str | None = None,
) -> int:
    """Have a recording processed once this transaction is committed; returns the job's id.

    Raises QueueFullError where `most` recordings are queued.
    """
    await check_room(session, most)
    values = {"conversation_id": conversation_id, "options": options, "duration": duration, "webhook_url": webhook_url}
    due = func.now() + min(timedelta(seconds=duration), FAIREST)
    id_: int = (await session.execute(insert(JobRow).values(**values, due=due).returning(JobRow.id))).scalar_one()
    await announce(session)
    return id_


async def check_room(session: AsyncSession, most: int) -> None:
    """Raises QueueFullError where `most` recordings are queued."""
    waiting = (await session.execute(select(func.count()).where(JobRow.state == "queued"))).scalar_one()
    if waiting >= most:
        raise QueueFullError(f"{waiting} recordings wait to be processed, and no more are taken: try again later.")


async def announce(session: AsyncSession) -> None:
    """Wake the workers at the commit."""
    await session.execute(text("SELECT pg_notify(:channel, '')"), {"channel": CHANNEL})


async def claim(session: AsyncSession, worker: str, longest: float | None = None) -> Lease | None:
    """The job whose turn it is, of recordings up to `longest` seconds; None where there is nothing to do."""
    expired = and_(JobRow.state == "running", JobRow.lease_until < func.now())
    ready = or_(and_(JobRow.state == "queued", JobRow.run_after <= func.now()), expired)
    turn = select(JobRow.id).where(ready, JobRow.attempts < MOST_ATTEMPTS).order_by(JobRow.due, JobRow.id).limit(1)
    if longest is not None:
        turn = turn.where(JobRow.duration <= longest)
    values = {"state": "running", "worker": worker, "lease_until": func.now() + LEASE, "attempts": JobRow.attempts + 1}
    taken = update(JobRow).where(JobRow.id == turn.with_for_update(skip_locked=True).scalar_subquery()).values(values)
    columns = [getattr(JobRow, field.name) for field in fields(Lease)]
    row = (await session.execute(taken.returning(*columns))).one_or_none()
    return None if row is None else Lease(*row)


async def set_aside(session: AsyncSession) -> int:
    """Give up on jobs that were cut off too often; returns how many."""
    cut_off = (JobRow.state == "running", JobRow.lease_until < func.now(), JobRow.attempts >= MOST_ATTEMPTS)
    found = select(JobRow.id).where(*cut_off).with_for_update(skip_locked=True)
    ids = (await session.scalars(found)).all()
    for id_ in ids:
        await _end(session, [JobRow.id == id_], "failed", SET_ASIDE)
    return len(ids)


async def renew(session: AsyncSession, lease: Lease) -> bool:
    """Hold the job for longer; tells whether somebody wants it cancelled. Raises LeaseLostError."""
    longer = update(JobRow).where(*_held(lease)).values(lease_until=func.now() + LEASE).returning(JobRow.cancel_requested)
    cancelled = (await session.scalars(longer)).one_or_none()
    if cancelled is None:
        raise LeaseLostError
    return cancelled


async def report(session: AsyncSession, lease: Lease, stage: str, fraction: float) -> None:
    """Say which stage is at work, and how much of the whole is done. Raises LeaseLostError."""
    await renew(session, lease)
    await conversations.set_progress(session, lease.conversation_id, stage, fraction)


async def finish(session: AsyncSession, lease: Lease) -> None:
    """The result is there, in this transaction. Raises LeaseLostError, and then nothing of it may be kept."""
    await _end(session, _held(lease), "completed", None)


async def fail(session: AsyncSession, lease: Lease, reason: str) -> None:
    """Give up: `reason` is a sentence for the user. Raises LeaseLostError."""
    await _end(session, _held(lease), "failed", reason)


async def drop(session: AsyncSession, lease: Lease) -> None:
    """Somebody wanted it cancelled. Raises LeaseLostError."""
    await _end(session, _held(lease), "cancelled", CANCELLED)


async def again(session: AsyncSession, lease: Lease, reason: str) -> bool:
    """It failed for no fault of the recording's: try again later, or give up. Tells which; raises LeaseLostError."""
    if lease.attempts >= MOST_ATTEMPTS:
        await fail(session, lease, reason)
        return False
    pause = timedelta(seconds=BACKOFF * 4 ** (lease.attempts - 1))
    await _requeue(session, lease, run_after=func.now() + pause, error=reason)
    return True


async def release(session: AsyncSession, lease: Lease) -> None:
    """The worker stops before the work is done; this was no attempt. Raises LeaseLostError."""
    await _requeue(session, lease, attempts=JobRow.attempts - 1)


async def results(session: AsyncSession, lease: Lease) -> dict[str, str]:
    """What the stages found in former attempts, by stage."""
    found = select(JobStageRow.stage, JobStageRow.result).where(JobStageRow.job_id == lease.id)
    return {row.stage: row.result for row in await session.execute(found)}


async def keep(session: AsyncSession, lease: Lease, stage: str, result: str) -> None:
    """Keep what a stage found until the job is done. Raises LeaseLostError."""
    await renew(session, lease)
    row = postgresql.insert(JobStageRow).values(job_id=lease.id, stage=stage, result=result)
    await session.execute(row.on_conflict_do_nothing())


async def cancel(session: AsyncSession, job_id: int) -> Job:
    """Do not do it, or stop doing it: what is in work stops within seconds. Raises LookupError, JobStateError."""
    job = await get(session, job_id, lock=True)
    if job.state == "queued":
        await _end(session, [JobRow.id == job_id], "cancelled", CANCELLED)
    elif job.state == "running":
        await session.execute(update(JobRow).where(JobRow.id == job_id).values(cancel_requested=True))
        await announce(session)
    else:
        raise JobStateError(f"The job is {job.state} already.")
    return await get(session, job_id)


async def retry(session: AsyncSession, job_id: int, *, most: int) -> Job:
    """Do a job again that failed or was cancelled, as a new one. Raises LookupError, JobStateError, QueueFullError."""
    # Its conversation first: who deletes that has the conversation before the job.
    of_job = select(JobRow.conversation_id).where(JobRow.id == job_id)
    conversation = select(Conversation.id).where(Conversation.id == of_job.scalar_subquery())
    await session.execute(conversation.with_for_update(key_share=True))
    job = await get(session, job_id, lock=True)
    if job.state not in ("failed", "cancelled"):
        raise JobStateError(f"The job is {job.state}; only one that failed or was cancelled can be retried.")
    try:
        await conversations.reopen(session, job.conversation_id)
    except conversations.ConversationBusy as error:
        raise JobStateError("The recording is in work again already.") from error
    columns = (JobRow.options, JobRow.webhook_url)
    options, webhook_url = (await session.execute(select(*columns).where(JobRow.id == job_id))).one()
    new = await enqueue(session, job.conversation_id, options, job.duration, most=most, webhook_url=webhook_url)
    return await get(session, new)


async def get(session: AsyncSession, job_id: int, *, lock: bool = False) -> Job:
    """Raises LookupError."""
    found = _jobs().where(JobRow.id == job_id)
    row = (await session.execute(found.with_for_update(of=JobRow) if lock else found)).one_or_none()
    if row is None:
        raise LookupError(NOT_FOUND)
    return Job(*row)


async def list_page(
    session: AsyncSession, skip: int = 0, limit: int = 100, state: str | None = None
) -> tuple[Sequence[Job], int]:
    """Jobs from the newest on, and how many there are in all."""
    which = [JobRow.state == state] if state is not None else []
    rows = await session.execute(_jobs().where(*which).order_by(JobRow.id.desc()).offset(skip).limit(limit))
    total = await session.scalar(select(func.count()).select_from(JobRow).where(*which))
    return [Job(*row) for row in rows], total or 0


def _jobs() -> Select[Any]:
    """What `Job` holds; its conversation says how far a job is that is in work."""
    running = JobRow.state == "running"
    told = {
        "stage": case((running, Conversation.stage)).label("stage"),
        "progress": case((running, Conversation.progress), (JobRow.state == "completed", 1.0), else_=0.0).label("progress"),
    }
    columns = [told[field.name] if field.name in told else getattr(JobRow, field.name) for field in fields(Job)]
    return select(*columns).join(Conversation, JobRow.conversation_id == Conversation.id)


def _held(lease: Lease) -> list[ColumnElement[bool]]:
    mine = JobRow.id == lease.id, JobRow.worker == lease.worker, JobRow.attempts == lease.attempts
    return [*mine, JobRow.state == "running"]


async def _end(session: AsyncSession, which: Sequence[ColumnElement[bool]], state: str, error: str | None) -> None:
    values: dict[str, Any] = {"state": state, "error": error, "finished_at": func.now(), "worker": None, "lease_until": None}
    values["webhook_at"] = case((JobRow.webhook_url.is_not(None), func.now()))
    ended = update(JobRow).where(*which).values(values).returning(JobRow.id, JobRow.conversation_id)
    row = (await session.execute(ended)).one_or_none()
    if row is None:
        raise LeaseLostError
    await session.execute(delete(JobStageRow).where(JobStageRow.job_id == row.id))
    if error is not None:
        await conversations.fail(session, row.conversation_id, error)


async def _requeue(session: AsyncSession, lease: Lease, **values: Any) -> None:
    back = update(JobRow).where(*_held(lease)).values(state="queued", worker=None, lease_until=None, **values)
    if (await session.scalars(back.returning(JobRow.id))).one_or_none() is None:
        raise LeaseLostError
    await announce(session)
