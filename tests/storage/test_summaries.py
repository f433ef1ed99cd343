"""Jobs of summaries beside those of recordings, and which summary stays."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import func, update

from pipeline.summary.content import Content, Statement
from storage import summaries
from storage.conversations import conversations
from storage.jobs import jobs, summary_queue
from storage.jobs.jobs import Lease
from storage.jobs.open_work import read_open_work
from storage.jobs.options import JobOptions
from storage.postgres.database import Database
from storage.tables import JobRow
from tests.storage.talks import keep
from tests.storage.waiting import await_lock_waiter


async def store(database: Database, conversation: int, job: int, segment: int, title: str) -> None:
    content = Content(title=title, summary=[Statement(text="It was said.", segments=[segment])])
    async with database.session() as session:
        await summaries.store(
            session,
            conversation,
            job,
            content,
            dropped=0,
            model="m",
            prompt_version=1,
            template="general",
            fingerprint=await summaries.fingerprint(session, conversation),
        )


async def title(database: Database, conversation: int) -> str | None:
    async with database.session() as session:
        found = await summaries.get(session, conversation)
    return None if found is None else found.content.title


async def test_a_job_that_was_queued_earlier_does_not_replace_a_later_summary(database: Database) -> None:
    conversation, [segment, *_] = await keep(database, [1, 2])
    await store(database, conversation, 7, segment, "later")
    await store(database, conversation, 6, segment, "earlier")
    assert await title(database, conversation) == "later"
    await store(database, conversation, 8, segment, "latest")
    assert await title(database, conversation) == "latest"
    async with database.session() as session:
        await conversations.remove(session, conversation)
    assert await title(database, conversation) is None


async def test_a_conversation_that_was_just_deleted_waits_for_no_summary(database: Database) -> None:
    async with database.session() as session:
        with pytest.raises(LookupError, match="Conversation not found"):
            await summaries.enqueue(session, 1, "general")


async def test_each_conversation_waits_for_one_summary_and_other_workers_leave_it(database: Database) -> None:
    conversation, _ = await keep(database, [1, 2])
    async with database.session() as session:
        first = await summaries.enqueue(session, conversation, "general")
        assert await summaries.enqueue(session, conversation, "meeting") == first
        assert await jobs.claim(session, "works on recordings") is None
        assert (await read_open_work(session, 600.0)).jobs == 0  # no reason for more workers
        lease = await jobs.claim(session, "summarises", kind="summary")
    assert lease is not None
    assert (lease.id, lease.kind, lease.options) == (first, "summary", JobOptions(template="meeting"))
    async with database.session() as session:
        second = await summaries.enqueue(session, conversation, "general")
        await jobs.report(session, lease, "reading", 0.25)
        assert second != first
        running = await jobs.get(session, first)
        assert (running.stage, running.progress) == ("reading", 0.25)
        await jobs.fail(session, lease, "It is too small.")
    async with database.session() as session:
        found = await conversations.progress(session, conversation)
    assert found is not None
    assert (found.status, found.error) == ("completed", None)


async def taken_and_requested_again(database: Database) -> tuple[Lease, int]:
    """A summary in work, and the job of the one that was requested meanwhile."""
    conversation, _ = await keep(database, [1, 2])
    async with database.session() as session:
        await summaries.enqueue(session, conversation, "general")
        lease = await jobs.claim(session, "summarises", kind="summary")
    assert lease is not None
    async with database.session() as session:
        return lease, await summaries.enqueue(session, conversation, "meeting")


async def states(database: Database, *ids: int) -> list[tuple[str, str | None]]:
    async with database.session() as session:
        found = [await jobs.get(session, id_) for id_ in ids]
    return [(job.state, job.error) for job in found]


async def test_a_summary_that_fails_for_now_is_not_queued_beside_a_newer_one(database: Database) -> None:
    lease, newer = await taken_and_requested_again(database)
    async with database.session() as session:
        assert not await jobs.retry_later(session, lease, "The language model is away.")
    assert await states(database, lease.id, newer) == [("failed", summary_queue.SUPERSEDED), ("queued", None)]


async def test_a_summary_that_a_stop_interrupts_is_not_queued_beside_a_newer_one(database: Database) -> None:
    lease, newer = await taken_and_requested_again(database)
    async with database.session() as session:
        await jobs.release(session, lease)
    assert await states(database, lease.id, newer) == [("cancelled", summary_queue.SUPERSEDED), ("queued", None)]


async def test_a_summary_with_unknown_options_is_not_queued_beside_a_newer_one(database: Database) -> None:
    lease, newer = await taken_and_requested_again(database)
    past = {"lease_until": func.now() - timedelta(hours=1), "due": func.now() - timedelta(hours=1), "options": {"unknown": 1}}
    async with database.session() as session:
        await session.execute(update(JobRow).where(JobRow.id == lease.id).values(past))
    async with database.session() as session:
        claimed = await jobs.claim(session, "an older version", kind="summary")
    assert claimed is not None
    assert claimed.id == newer
    assert (await states(database, lease.id))[0][0] == "failed"


async def test_a_summary_that_is_requested_at_the_same_time_is_seen(database: Database) -> None:
    conversation, _ = await keep(database, [1, 2])
    async with database.session() as session:
        await summaries.enqueue(session, conversation, "general")
        lease = await jobs.claim(session, "summarises", kind="summary")
    assert lease is not None

    async def fail_for_now() -> bool:
        async with database.session() as session:
            return await jobs.retry_later(session, lease, "The language model is away.")

    async with database.session() as session:
        newer = await summaries.enqueue(session, conversation, "meeting")
        failing = asyncio.create_task(fail_for_now())
        await await_lock_waiter(session)
    assert not await failing
    assert await states(database, lease.id, newer) == [("failed", summary_queue.SUPERSEDED), ("queued", None)]


def test_recordings_have_options_that_earlier_versions_know() -> None:
    assert "template" not in JobOptions().model_dump(mode="json")
