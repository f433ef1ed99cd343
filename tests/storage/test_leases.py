"""The leases of a worker are renewed whatever its other connections do, and end when another worker has the job."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import datetime

import pytest
from sqlalchemy import select, text, update

from services import leases
from services.leases import CancelledByUserError, Leases
from storage.conversations import conversations
from storage.jobs import jobs
from storage.jobs.jobs import Lease, LeaseLostError
from storage.jobs.options import JobOptions
from storage.postgres.database import Database
from storage.tables import JobRow


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "RENEW_INTERVAL_S", 0.02)


@pytest.fixture
async def worker(database_url: str) -> AsyncIterator[Database]:
    """The connections of a worker: one, and another one for a moment."""
    own = Database(database_url, pool_size=1)
    yield own
    await own.dispose()


@pytest.fixture
async def held(worker: Database) -> AsyncIterator[Leases]:
    found = Leases(worker)
    yield found
    await found.close()


async def claimed(database: Database) -> Lease:
    async with database.session() as session:
        conversation = await conversations.create(session, "A talk", "key", "flac")
        await jobs.enqueue(session, conversation, JobOptions(), 10.0, max_queued=9)
        lease = await jobs.claim(session, "a")
    assert lease is not None
    return lease


async def until(database: Database, lease: Lease) -> datetime:
    async with database.session() as session:
        return (await session.scalars(select(JobRow.lease_until).where(JobRow.id == lease.id))).one()  # type: ignore[return-value]


async def renewed(database: Database, lease: Lease) -> None:
    before = await until(database, lease)
    while await until(database, lease) == before:  # noqa: ASYNC110  # PostgreSQL renews it
        await asyncio.sleep(0.01)


async def test_leases_are_renewed_while_all_connections_wait_and_one_job_is_locked(
    database: Database, worker: Database, held: Leases
) -> None:
    first, second = await claimed(database), await claimed(database)
    holding = [asyncio.create_task(held.hold(lease)) for lease in (first, second)]
    async with AsyncExitStack() as busy:
        sessions = [await busy.enter_async_context(worker.session()) for _ in range(2)]
        for session in sessions:
            await session.execute(text("SELECT 1"))
        await sessions[0].execute(select(JobRow.id).where(JobRow.id == first.id).with_for_update())
        await asyncio.wait_for(renewed(database, second), 120)
    await asyncio.wait_for(renewed(database, first), 120)
    assert not any(task.done() for task in holding)
    for task in holding:
        task.cancel()
    await asyncio.gather(*holding, return_exceptions=True)


async def test_a_job_that_another_worker_has_is_lost_and_the_others_stay(database: Database, held: Leases) -> None:
    lost, kept = await claimed(database), await claimed(database)
    holding = [asyncio.create_task(held.hold(lease)) for lease in (lost, kept)]
    async with database.session() as session:
        await session.execute(update(JobRow).where(JobRow.id == lost.id).values(worker="b", attempts=2))
    with pytest.raises(LeaseLostError):
        await asyncio.wait_for(holding[0], 120)
    await asyncio.wait_for(renewed(database, kept), 120)
    holding[1].cancel()
    await asyncio.gather(holding[1], return_exceptions=True)


async def test_a_job_that_a_user_cancels_is_to_end(database: Database, held: Leases) -> None:
    lease = await claimed(database)
    holding = asyncio.create_task(held.hold(lease))
    async with database.session() as session:
        await jobs.cancel(session, lease.id)
    with pytest.raises(CancelledByUserError):
        await asyncio.wait_for(holding, 120)


async def test_a_lease_is_kept_while_the_database_does_not_answer(
    database: Database, held: Leases, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(leases, "RENEW_TIMEOUT_S", 0.05)
    monkeypatch.setattr(leases, "LEASE_S", 0.2)
    lease = await claimed(database)
    holding = asyncio.create_task(held.hold(lease))
    async with asyncio.timeout(120), database.session() as session:
        await session.execute(text("LOCK TABLE jobs IN ACCESS EXCLUSIVE MODE"))
        failed = "The leases of 1 jobs could not be renewed: TimeoutError"  # the pool may log that it drops a connection
        while caplog.messages.count(failed) < 8:  # noqa: ASYNC110  # longer than the lease
            await asyncio.sleep(0.01)
    monkeypatch.setattr(leases, "RENEW_TIMEOUT_S", 60.0)
    await asyncio.wait_for(renewed(database, lease), 120)
    assert not holding.done()
    holding.cancel()
    await asyncio.gather(holding, return_exceptions=True)
