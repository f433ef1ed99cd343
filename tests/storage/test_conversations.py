"""Conversations: their states, their list, and how many queries it takes to read one."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event
from sqlalchemy.exc import IntegrityError

from storage import conversations, speakers, transcripts
from storage.conversations import ConversationDetail
from storage.database import Database
from tests.storage.transcripts import transcript, voice


async def read(database: Database, conversation_id: int) -> ConversationDetail:
    async with database.session() as session:
        found = await conversations.get(session, conversation_id)
    assert found is not None
    return found


@contextmanager
def counted_queries(database: Database) -> Iterator[list[str]]:
    queries: list[str] = []

    def count(_c: object, _cursor: object, statement: str, *_: object) -> None:
        queries.append(statement)

    event.listen(database.engine.sync_engine, "before_cursor_execute", count)
    try:
        yield queries
    finally:
        event.remove(database.engine.sync_engine, "before_cursor_execute", count)


async def test_a_new_conversation_is_processing_and_empty(database: Database) -> None:
    async with database.session() as session:
        id_ = await conversations.create(session, "Tit\0le", "0" * 32 + ".wav", "wav")
    found = await read(database, id_)
    assert (found.title, found.status, found.progress, found.segments) == ("Title", "processing", 0.0, ())
    assert abs(found.start_time - datetime.now(UTC)) < timedelta(minutes=1)
    assert found.duration is None


async def test_reading_a_conversation_takes_three_queries_however_long_it_is(database: Database) -> None:
    async with database.session() as session:
        id_ = await conversations.create(session, None, None, "wav")
        await transcripts.save(session, id_, transcript([voice(1), voice(2), None], lines=600), 0.5)
    with counted_queries(database) as queries:
        found = await read(database, id_)
    assert len(found.segments) == found.num_segments == 600
    assert [line.start_offset for line in found.segments] == sorted(line.start_offset for line in found.segments)
    assert len(queries) == 3


async def test_what_does_not_exist_is_none(database: Database) -> None:
    async with database.session() as session:
        assert await conversations.get(session, 12345) is None


async def test_the_list_goes_from_the_newest_on(database: Database) -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    async with database.session() as session:
        for hour in (1, 3, 2):
            await conversations.create(session, f"{hour}", None, "wav", start_time=noon + timedelta(hours=hour))
        failed = await conversations.create(session, "failed", None, "wav", start_time=noon)
        await conversations.fail(session, failed, "No.")
        full = await conversations.create(session, "full", None, "wav", start_time=noon - timedelta(hours=1))
        await transcripts.save(session, full, transcript([voice(1), voice(2), voice(1)], lines=5), 0.5)

    async with database.session() as session:
        page, total = await conversations.list_page(session, skip=1, limit=3)
        assert ([c.title for c in page], total) == (["2", "1", "failed"], 5)
        page, total = await conversations.list_page(session, status="failed")
        assert ([c.title for c in page], total) == (["failed"], 1)
        with counted_queries(database) as queries:
            page, _ = await conversations.list_page(session)
    assert len(queries) == 2
    assert [(c.num_segments, c.num_speakers) for c in page][-1] == (5, 3)


async def test_progress_is_kept_within_bounds_and_ends_with_the_work(database: Database) -> None:
    async with database.session() as session:
        id_ = await conversations.create(session, None, None, "wav")
        await conversations.set_progress(session, id_, "diarizing", 1.5)
    found = await read(database, id_)
    assert (found.stage, found.progress) == ("diarizing", 1.0)

    async with database.session() as session:
        await conversations.fail(session, id_, "The file holds no audio.")
        await conversations.set_progress(session, id_, "diarizing", 0.1)
    found = await read(database, id_)
    assert (found.status, found.error, found.progress) == ("failed", "The file holds no audio.", 1.0)


async def test_a_completed_conversation_cannot_fail_any_more(database: Database) -> None:
    async with database.session() as session:
        id_ = await conversations.create(session, None, None, "wav")
        await transcripts.save(session, id_, transcript([voice(1)]), 0.5)
        await conversations.fail(session, id_, "Too late.")
    assert (await read(database, id_)).status == "completed"


async def test_what_a_dead_process_left_is_marked_failed(database: Database) -> None:
    async with database.session() as session:
        left = await conversations.create(session, None, None, "wav")
        live = await conversations.create(session, None, None, "wav", status="recording")
        done = await conversations.create(session, None, None, "wav")
        await transcripts.save(session, done, transcript([voice(1)]), 0.5)
    async with database.session() as session:
        assert await conversations.fail_interrupted(session) == 1
    found = await read(database, left)
    assert found.status == "failed"
    assert "send the recording again" in str(found.error)
    assert [(await read(database, id_)).status for id_ in (live, done)] == ["recording", "completed"]


async def test_an_unknown_status_is_refused_and_the_transaction_undone(database: Database) -> None:
    async def fails() -> None:
        async with database.session() as session:
            await conversations.create(session, "good", None, "wav")
            await conversations.create(session, "bad", None, "wav", status="dreaming")

    with pytest.raises(IntegrityError, match="ck_conversations_status"):
        await fails()
    async with database.session() as session:
        assert await conversations.list_page(session) == ([], 0)


async def test_speakers_are_listed_with_their_lines(database: Database) -> None:
    async with database.session() as session:
        for _ in range(2):
            id_ = await conversations.create(session, None, None, "wav")
            await transcripts.save(session, id_, transcript([voice(1), voice(2)], lines=3), 0.5)
    async with database.session() as session:
        assert [(s.name, s.segment_count) for s in await speakers.list_all(session)] == [("Unknown_01", 4), ("Unknown_02", 2)]
