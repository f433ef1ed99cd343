"""Jobs on a real PostgreSQL: claimed once, released, failed, never lost."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, func, select, text, update

from pipeline.access import LOCAL
from pipeline.decoding import Decoding
from pipeline.types import SpeakerHint
from storage.conversations import conversations
from storage.jobs import jobs, lists, stage_results, webhooks
from storage.jobs.jobs import MAX_ATTEMPTS, Job, JobStateError, Lease, LeaseLostError
from storage.jobs.limit import QueueFullError
from storage.jobs.open_work import OpenWork, read_open_work
from storage.jobs.options import JobOptions
from storage.postgres.database import Database
from storage.tables import Conversation, JobRow, JobStageRow
from tests.storage.waiting import await_lock_waiter

ROOM = 100


async def add(database: Database, duration: float = 10.0, most: int = ROOM, **more: Any) -> int:
    """The id of a new job with its own conversation."""
    async with database.session() as session:
        conversation = await conversations.create(session, "A talk", "key", "flac")
        return await jobs.enqueue(session, conversation, JobOptions(language="en"), duration, max_queued=most, **more)


async def claim(database: Database, worker: str = "a", longest: float | None = None) -> Lease | None:
    async with database.session() as session:
        return await jobs.claim(session, worker, longest)


async def taken(database: Database, worker: str = "a") -> Lease:
    lease = await claim(database, worker)
    assert lease is not None
    return lease


async def read(database: Database, job: int) -> Job:
    async with database.session() as session:
        return await jobs.get(session, job)


async def status(database: Database, conversation: int) -> conversations.Progress:
    async with database.session() as session:
        found = await conversations.progress(session, conversation)
    assert found is not None
    return found


async def pass_away(database: Database) -> None:
    """Let the leases of all workers expire and the pauses of all jobs end."""
    async with database.session() as session:
        gone = func.now() - text("interval '1 second'")
        await session.execute(update(JobRow).where(JobRow.state == "running").values(lease_until=gone))
        await session.execute(update(JobRow).values(run_after=gone))


async def test_a_job_is_handed_out_once(database: Database) -> None:
    ids = {await add(database) for _ in range(5)}
    leases = await asyncio.gather(*(claim(database, f"worker {i}") for i in range(8)))
    assert {lease.id for lease in leases if lease} == ids
    assert sum(lease is None for lease in leases) == 3
    assert all(lease.options == JobOptions(language="en") for lease in leases if lease)


@pytest.mark.parametrize(
    ("stored", "options"),
    [
        ({}, JobOptions()),  # of conversations that were in work when there were no jobs yet
        (
            {"language": "de", "hint": {"num_speakers": None, "min_speakers": 2, "max_speakers": 3}},
            JobOptions(language="de", hint=SpeakerHint(None, 2, 3)),
        ),
        (
            {"language": None, "hint": {"num_speakers": 4, "min_speakers": None, "max_speakers": None}, "request_id": "abc"},
            JobOptions(hint=SpeakerHint(4), request_id="abc"),
        ),
    ],
)
async def test_options_without_a_version_are_read(database: Database, stored: dict[str, Any], options: JobOptions) -> None:
    job = await add(database)
    async with database.session() as session:
        await session.execute(update(JobRow).where(JobRow.id == job).values(options=stored))
    assert (await taken(database)).options == options


async def test_options_come_back_as_they_were(database: Database) -> None:
    decoding = Decoding("translate", "Vivavoce", "A talk.")
    options = JobOptions(language="de", hint=SpeakerHint(2), decoding=decoding, request_id="abc")
    async with database.session() as session:
        conversation = await conversations.create(session, "A talk", "key", "flac")
        await jobs.enqueue(session, conversation, options, 1.0, max_queued=ROOM)
    assert (await taken(database)).options == options


async def test_a_job_with_unknown_options_fails_and_holds_up_no_other(database: Database) -> None:
    strange, plain = await add(database), await add(database)
    async with database.session() as session:
        await session.execute(update(JobRow).where(JobRow.id == strange).values(options={"version": 2, "tempo": 1.5}))
    assert (await taken(database)).id == plain
    failed = await read(database, strange)
    assert (failed.state, failed.error) == ("failed", jobs.UNREADABLE)
    assert (await status(database, failed.conversation_id)).status == "failed"


@pytest.mark.parametrize("options", [{"version": 1, "tempo": 1.5}, {"decoding": {"tempo": 1.5}}])
async def test_a_job_with_options_of_a_newer_version_is_left_to_its_workers(
    database: Database, options: dict[str, Any]
) -> None:
    newer, plain = await add(database), await add(database)
    async with database.session() as session:
        await session.execute(update(JobRow).where(JobRow.id == newer).values(options=options))
    assert (await taken(database)).id == plain
    left = await read(database, newer)
    assert (left.state, left.attempts, left.error) == ("queued", 0, None)
    await pass_away(database)
    assert (await taken(database, "b")).id == plain
    async with database.session() as session:  # no worker of that version came
        long_ago = func.now() - timedelta(seconds=jobs.UPDATE_S + 1)
        await session.execute(update(JobRow).where(JobRow.id == newer).values(created_at=long_ago))
    await pass_away(database)
    assert (await taken(database, "c")).id == plain
    failed = await read(database, newer)
    assert (failed.state, failed.error) == ("failed", jobs.UNREADABLE)


async def test_a_short_recording_goes_before_a_long_one_but_not_for_ever(database: Database) -> None:
    long = await add(database, duration=36_000)
    middle = await add(database, duration=600)
    short = await add(database, duration=10)
    async with database.session() as session:  # the long one has waited for an hour
        waited = JobRow.due - text("interval '1 hour'")
        assert await session.scalar(select(JobRow.due - JobRow.created_at).where(JobRow.id == long)) == timedelta(
            seconds=jobs.MAX_DUE_DELAY_S
        )
        assert [(await taken(database)).id, (await taken(database)).id] == [short, middle]
        await session.execute(update(JobRow).where(JobRow.id == long).values(due=waited))
    await add(database, duration=10)
    assert (await taken(database)).id == long


async def test_only_short_ones_where_long_ones_are_in_work(database: Database) -> None:
    await add(database, duration=1000)
    assert await claim(database, longest=600) is None
    short = await add(database, duration=600)
    lease = await claim(database, longest=600)
    assert lease is not None
    assert lease.id == short


async def test_a_job_is_done_with_its_result(database: Database) -> None:
    job = await add(database)
    lease = await taken(database)
    async with database.session() as session:
        await jobs.report(session, lease, "diarizing", 0.5)
    found = await read(database, job)
    assert (found.state, found.stage, found.progress, found.attempts) == ("running", "diarizing", 0.5, 1)
    async with database.session() as session:
        await conversations.complete(session, lease.conversation_id, 10.0, "en")
        await jobs.finish(session, lease)
    found = await read(database, job)
    assert (found.state, found.stage, found.progress, found.error) == ("completed", None, 1.0, None)
    assert found.finished_at is not None
    assert await claim(database) is None


async def test_a_worker_that_was_thought_dead_cannot_finish_over_its_successor(database: Database) -> None:
    await add(database)
    first = await taken(database, "first")
    assert await claim(database, "second") is None
    await pass_away(database)
    second = await taken(database, "second")
    assert (second.id, second.attempts) == (first.id, 2)

    async def late(function: Any, *args: Any) -> None:
        async with database.session() as session:
            await conversations.complete(session, first.conversation_id, 99.0, "en")
            await function(session, first, *args)

    calls: list[tuple[Any, ...]] = [
        (jobs.finish,),
        (jobs.fail, "no"),
        (jobs.retry_later, "no"),
        (jobs.release,),
        (jobs.confirm_cancel,),
    ]
    calls += [(jobs.renew,), (stage_results.store, "transcribing", "text"), (jobs.report, "transcribing", 0.9)]
    for function, *args in calls:
        with pytest.raises(LeaseLostError):
            await late(function, *args)
    assert (await status(database, first.conversation_id)).status == "processing"  # its other writes are rolled back, too
    async with database.session() as session:
        await jobs.finish(session, second)


async def test_the_same_worker_does_not_take_its_former_attempt_for_its_own(database: Database) -> None:
    await add(database)
    first = await taken(database, "one")
    await pass_away(database)
    await taken(database, "one")
    async with database.session() as session:
        with pytest.raises(LeaseLostError):
            await jobs.renew(session, first)


async def test_a_job_that_kills_its_worker_is_set_aside(database: Database) -> None:
    job = await add(database)
    for _ in range(MAX_ATTEMPTS):
        lease = await taken(database)
        async with database.session() as session:
            await stage_results.store(session, lease, "transcribing", "text")
        await pass_away(database)
    assert await claim(database) is None
    async with database.session() as session:
        assert await jobs.set_aside(session) == 1
        assert await jobs.set_aside(session) == 0
        assert (await session.execute(select(JobStageRow))).all() == []
    found = await read(database, job)
    assert (found.state, found.error) == ("failed", jobs.SET_ASIDE)
    assert (await status(database, found.conversation_id)).error == jobs.SET_ASIDE


async def test_a_fault_of_ours_is_tried_again_after_a_pause(database: Database) -> None:
    job = await add(database)
    for attempt in range(1, MAX_ATTEMPTS + 1):
        lease = await taken(database)
        async with database.session() as session:
            assert await jobs.retry_later(session, lease, f"reason {attempt}") == (attempt < MAX_ATTEMPTS)
        if attempt < MAX_ATTEMPTS:
            assert await claim(database) is None
            assert (await read(database, job)).error == f"reason {attempt}"
            await pass_away(database)
    assert (await read(database, job)).state == "failed"
    assert (await status(database, lease.conversation_id)).error == f"reason {MAX_ATTEMPTS}"


async def test_a_reason_of_any_length_and_with_any_character_is_stored(database: Database) -> None:
    job = await add(database)
    for _ in range(MAX_ATTEMPTS):
        lease = await taken(database)
        async with database.session() as session:
            await jobs.retry_later(session, lease, "\0" + "x" * 10_000)
        assert (await read(database, job)).error == "x" * 999 + "…"
        await pass_away(database)
    assert (await status(database, lease.conversation_id)).error == "x" * 999 + "…"


async def test_a_stop_of_the_program_is_no_attempt(database: Database) -> None:
    job = await add(database)
    for _ in range(2 * MAX_ATTEMPTS):
        lease = await taken(database)
        async with database.session() as session:
            await jobs.release(session, lease)
    assert (await read(database, job)).attempts == 0


async def test_what_stages_found_is_there_for_the_next_attempt(database: Database) -> None:
    await add(database)
    await add(database)
    lease, other = await taken(database), await taken(database)
    async with database.session() as session:
        await stage_results.store(session, lease, "transcribing", "text")
        await stage_results.store(session, lease, "transcribing", "later")  # the first is as good
        await stage_results.store(session, other, "diarizing", "another's")
        await jobs.retry_later(session, lease, "no")
    await pass_away(database)
    again = await taken(database)
    async with database.session() as session:
        assert await stage_results.read(session, again) == {"transcribing": "text"}
        await jobs.finish(session, again)
        assert await stage_results.read(session, again) == {}


async def test_cancelling(database: Database) -> None:
    waiting, running = await add(database, 20), await add(database, 10)
    lease = await taken(database)
    async with database.session() as session:
        assert (await jobs.cancel(session, waiting)).state == "cancelled"
        assert not await jobs.renew(session, lease)
        assert (await jobs.cancel(session, running)).state == "running"
        assert await jobs.renew(session, lease)
        await jobs.confirm_cancel(session, lease)
    for job in (waiting, running):
        found = await read(database, job)
        assert (found.state, found.error) == ("cancelled", jobs.CANCELLED)
        assert (await status(database, found.conversation_id)).status == "failed"
        async with database.session() as session:
            with pytest.raises(JobStateError, match="cancelled already"):
                await jobs.cancel(session, job)
    async with database.session() as session:
        with pytest.raises(LookupError, match="Job not found"):
            await jobs.cancel(session, 999)


async def test_retrying(database: Database) -> None:
    job = await add(database)
    async with database.session() as session:
        with pytest.raises(JobStateError, match="is queued"):
            await jobs.retry(session, job, max_queued=ROOM)
        await jobs.cancel(session, job)
        new = await jobs.retry(session, job, max_queued=ROOM)
        assert (new.state, new.conversation_id) == ("queued", (await jobs.get(session, job)).conversation_id)
        with pytest.raises(JobStateError, match="in work again"):
            await jobs.retry(session, job, max_queued=ROOM)
    assert (await status(database, new.conversation_id)).status == "processing"
    assert (await taken(database)).id == new.id


async def test_a_job_is_retried_while_its_conversation_is_deleted(database: Database) -> None:
    job = await add(database)
    async with database.session() as session:
        conversation = (await jobs.cancel(session, job)).conversation_id

    async def retry() -> Job:
        async with database.session() as session:
            return await jobs.retry(session, job, max_queued=ROOM)

    async with database.session() as deleting:  # as `conversations.remove` does
        mine = Conversation.id == conversation
        await deleting.execute(select(Conversation.id).where(mine).with_for_update())
        retrying = asyncio.create_task(retry())
        await await_lock_waiter(deleting)
        await deleting.execute(delete(Conversation).where(mine))
    with pytest.raises(LookupError, match="Job not found"):
        await retrying


async def test_a_full_queue_takes_no_more(database: Database) -> None:
    await add(database, most=2)
    await add(database, most=2)
    with pytest.raises(QueueFullError, match="2 recordings wait"):
        await add(database, most=2)
    await taken(database)  # a running job does not wait
    await add(database, most=2)


async def test_jobs_are_listed_from_the_newest_on(database: Database) -> None:
    first, second, third = [await add(database) for _ in range(3)]
    async with database.session() as session:
        await jobs.cancel(session, second)
        page, total = await lists.list_page(session, LOCAL, skip=1, limit=1)
        assert ([job.id for job in page], total) == ([second], 3)
        page, total = await lists.list_page(session, LOCAL, state="queued")
        assert ([job.id for job in page], total) == ([third, first], 2)


async def test_no_more_webhooks_are_claimed_than_the_limit_whatever_the_statistics_say(database: Database) -> None:
    async def add_due() -> None:
        job = await add(database, webhook_url="http://localhost/hook")
        async with database.session() as session:
            await session.execute(update(JobRow).where(JobRow.id == job).values(webhook_at=func.now()))

    await add_due()
    async with database.autocommit() as connection:
        await connection.execute(text("VACUUM ANALYZE jobs"))  # PostgreSQL plans for one row
    for _ in range(9):
        await add_due()
    found = []
    for _ in range(4):
        async with database.session() as session:
            found.append(len(await webhooks.claim(session, 3)))
    assert found == [3, 3, 3, 1]


async def test_a_deleted_conversation_takes_its_jobs_along(database: Database) -> None:
    job = await add(database)
    async with database.session() as session:
        cancelled = await jobs.cancel(session, job)
        await conversations.remove(session, cancelled.conversation_id)
    with pytest.raises(LookupError):
        await read(database, job)


async def test_open_work_is_what_queued_and_running_jobs_still_need(database: Database) -> None:
    async with database.session() as session:
        assert await read_open_work(session, 600.0) == OpenWork(jobs=0, long_jobs=0, audio_s=0.0, oldest_s=0.0)
    for duration in (10.0, 20.0, 3600.0, 40.0):
        await add(database, duration)
    first, second = await taken(database), await taken(database, "b")
    async with database.session() as session:
        await jobs.finish(session, first)
        await jobs.report(session, second, "diarization", 0.75)
        await session.execute(
            update(JobRow).where(JobRow.state == "queued").values(created_at=func.now() - timedelta(minutes=3))
        )
    async with database.session() as session:
        work = await read_open_work(session, 600.0)
    assert (work.jobs, work.queued, work.long_jobs) == (3, 2, 1)
    assert work.audio_s == pytest.approx(5.0 + 3600.0 + 40.0)
    assert 180 <= work.oldest_s < 240
