"""Jobs of summaries beside those of recordings, and which summary stays."""

from pipeline.summary.content import Content, Statement
from storage import summaries
from storage.conversations import conversations
from storage.jobs import jobs
from storage.jobs.open_work import read_open_work
from storage.jobs.options import JobOptions
from storage.postgres.database import Database
from tests.storage.talks import keep


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


def test_recordings_have_options_that_earlier_versions_know() -> None:
    assert "template" not in JobOptions().model_dump(mode="json")
