"""How many jobs this process has queued, claimed and ended."""

from collections import Counter

import pytest

from storage.jobs import counts, jobs
from storage.postgres.database import Database
from tests.storage.test_jobs import add, claim, pass_away, taken


@pytest.fixture(autouse=True)
def _from_zero() -> None:
    counts.ENTERED.clear()
    counts.CLAIMED.clear()


async def test_each_end_of_a_job_is_counted_once(database: Database) -> None:
    for _ in range(3):
        await add(database)
    done, failed = await taken(database), await taken(database)
    async with database.session() as session:
        await jobs.finish(session, done)
        await jobs.fail(session, failed, "It is no recording.")
        await jobs.cancel(session, failed.id + 1)
    assert Counter(queued=3, completed=1, failed=1, cancelled=1) == counts.ENTERED
    assert Counter({1: 2}) == counts.CLAIMED


async def test_what_is_rolled_back_is_not_counted(database: Database) -> None:
    await add(database)
    lease = await taken(database)
    async with database.session() as session:
        await jobs.finish(session, lease)
        await session.rollback()
    assert Counter(queued=1) == counts.ENTERED


async def test_attempts_are_counted_by_their_number_until_the_job_is_set_aside(database: Database) -> None:
    await add(database)
    for _ in range(jobs.MAX_ATTEMPTS):
        assert await claim(database) is not None
        await pass_away(database)
    async with database.session() as session:
        assert await jobs.set_aside(session) == 1
    assert Counter({1: 1, 2: 1, 3: 1}) == counts.CLAIMED
    assert Counter(queued=1, failed=1) == counts.ENTERED
