"""Conversations: their states, their list, and how many queries it takes to read one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.access import LOCAL
from pipeline.types import Note
from services.identity import corrections, reprocessing, transcripts
from storage.conversations import conversations, statistics, titles
from storage.conversations.conversations import ConversationDetail
from storage.emotions import profiles
from storage.postgres.database import Database
from storage.search import listing
from storage.speakers import speakers
from storage.tables import Conversation, SegmentRow
from tests.storage.archive import add_speaker, add_talk
from tests.storage.queries import counted_queries
from tests.storage.transcripts import RULES, transcript, voice


async def read(database: Database, conversation_id: int) -> ConversationDetail:
    async with database.session() as session:
        found = await conversations.get(session, conversation_id)
    assert found is not None
    return found


async def test_a_new_conversation_is_processing_and_empty(database: Database) -> None:
    async with database.session() as session:
        id_ = await conversations.create(session, "Tit\0le", "0" * 32 + ".wav", "wav")
    found = await read(database, id_)
    assert (found.title, found.status, found.progress, found.segments) == ("Title", "processing", 0.0, ())
    assert abs(found.start_time - datetime.now(UTC)) < timedelta(minutes=1)
    assert found.duration is None


async def test_reading_a_conversation_takes_two_queries_however_long_it_is(database: Database) -> None:
    async with database.session() as session:
        id_ = await conversations.create(session, None, None, "wav")
        await transcripts.save(session, id_, transcript([voice(1), voice(2), None], lines=600), RULES)
    with counted_queries(database) as queries:
        found = await read(database, id_)
    assert len(found.segments) == found.num_segments == 600
    assert [line.start_offset for line in found.segments] == sorted(line.start_offset for line in found.segments)
    assert len(queries) == 2


async def test_the_transcript_may_be_replaced_while_its_speakers_are_counted(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All participants of the new one are others."""
    async with database.session() as session:
        id_ = await conversations.create(session, None, None, "wav")
        await transcripts.save(session, id_, transcript([voice(1), voice(2)]), RULES)
    execute = AsyncSession.execute

    async def replaced_meanwhile(reading: AsyncSession, *arguments: Any, **options: Any) -> Any:
        found = await execute(reading, *arguments, **options)
        monkeypatch.undo()
        async with database.session() as session:
            await reprocessing.replace(session, id_, transcript([voice(3), voice(4)]), RULES)
        return found

    async with database.session() as session:
        monkeypatch.setattr(AsyncSession, "execute", replaced_meanwhile)
        counted = await statistics.of_conversation(session, id_)
    assert [(one.segments, one.seconds, one.emotions) for one in counted] == [(2, 3.0, {"happy": 2})] * 2


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
        await transcripts.save(session, full, transcript([voice(1), voice(2), voice(1)], lines=5), RULES)

    async with database.session() as session:
        page = await listing.list_page(session, LOCAL, skip=1, limit=3)
        assert ([c.title for c in page.items], page.total) == (["2", "1", "failed"], 5)
        page = await listing.list_page(session, LOCAL, listing.Filters(status="failed"))
        assert ([c.title for c in page.items], page.total) == (["failed"], 1)
        with counted_queries(database) as queries:
            page = await listing.list_page(session, LOCAL)
    assert len(queries) == 2
    assert [(c.num_segments, c.num_speakers) for c in page.items][-1] == (5, 3)


async def test_a_failure_of_any_length_is_stored_and_sent(database: Database) -> None:
    """PostgreSQL refuses a notification of 8,000 bytes or more, and with it the transaction."""
    error = "\0" + "\x01" * 10_000
    async with database.session() as session:
        id_ = await conversations.create(session, "A talk", None, "flac")
        await conversations.fail(session, id_, error)
        cut_off = await conversations.create(session, "A live recording", None, "flac", status="recording")
        await conversations.complete(session, cut_off, 0.0, "en", error=error)
    for failed in (id_, cut_off):
        found = await read(database, failed)
        assert found.status == "failed"
        assert found.error is not None
        assert found.error == "\x01" * 999 + "…"


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
        await transcripts.save(session, id_, transcript([voice(1)]), RULES)
        await conversations.fail(session, id_, "Too late.")
    assert (await read(database, id_)).status == "completed"


async def test_an_unknown_status_is_refused_and_the_transaction_undone(database: Database) -> None:
    async def fails() -> None:
        async with database.session() as session:
            await conversations.create(session, "good", None, "wav")
            await conversations.create(session, "bad", None, "wav", status="dreaming")

    with pytest.raises(IntegrityError, match="ck_conversations_status"):
        await fails()
    async with database.session() as session:
        assert (await listing.list_page(session, LOCAL)).total == 0


async def test_speakers_are_listed_with_their_lines(database: Database) -> None:
    async with database.session() as session:
        for _ in range(2):
            id_ = await conversations.create(session, None, None, "wav")
            await transcripts.save(session, id_, transcript([voice(1), voice(2)], lines=3), RULES)
    async with database.session() as session:
        assert [(s.name, s.segment_count) for s in await speakers.list_all(session)] == [("Unknown_01", 4), ("Unknown_02", 2)]


async def archived(database: Database, *people: int | None) -> int:
    """A conversation that is done, with a recording."""
    async with database.session() as session:
        id_ = await add_talk(session, people, seed=100 * (1 + len(people)))
        await session.execute(update(Conversation).where(Conversation.id == id_).values(audio_key="0" * 32 + ".flac"))
        return id_


async def test_a_title_is_changed_and_nothing_else(database: Database) -> None:
    id_ = await archived(database, None)
    before = await read(database, id_)
    async with database.session() as session:
        await titles.rename(session, id_, "Ann\0ual review")
        with pytest.raises(LookupError, match="Conversation not found"):
            await titles.rename(session, id_ + 1, "Nothing")
    assert await read(database, id_) == replace(before, title="Annual review")


async def test_a_deleted_conversation_takes_the_unknown_speakers_along_who_are_heard_nowhere_else(database: Database) -> None:
    async with database.session() as session:
        here, there = [await speakers.create_unknown(session) for _ in range(2)]
        ana = await add_speaker(session, "Ana")
    id_ = await archived(database, here, there, ana, None)
    other = await archived(database, there)
    async with database.session() as session:
        assert await conversations.remove(session, id_) == "0" * 32 + ".flac"
    async with database.session() as session:
        assert [(s.name, s.segment_count) for s in await speakers.list_all(session)] == [("Ana", 0), ("Unknown_02", 4)]
        assert await conversations.get(session, id_) is None
        with pytest.raises(LookupError, match="Conversation not found"):
            await conversations.remove(session, id_)
    assert len((await read(database, other)).segments) == 4


async def test_profiles_forget_the_lines_of_a_deleted_conversation(database: Database) -> None:
    async with database.session() as session:
        ana = await add_speaker(session, "Ana")
    talks = [await archived(database, ana), await archived(database, ana, None)]
    async with database.session() as session:
        for id_ in talks:
            first = await session.scalar(select(SegmentRow.id).where(SegmentRow.conversation_id == id_).limit(1))
            assert first is not None
            await corrections.correct(session, id_, first, "sad", learn=True)
        (profile,) = (await profiles.profiles(session, ana)).profiles
        assert profile.sample_count == 2
        await conversations.remove(session, talks[0])
        (profile,) = (await profiles.profiles(session, ana)).profiles
        assert profile.sample_count == 1
        await conversations.remove(session, talks[1])
        assert (await profiles.profiles(session, ana)).profiles == ()


@pytest.mark.parametrize("status", ["recording", "processing"])
async def test_what_is_in_work_is_not_taken_away(database: Database, status: str) -> None:
    async with database.session() as session:
        id_ = await conversations.create(session, None, "0" * 32 + ".flac", "flac", status=status)
        with pytest.raises(conversations.ConversationBusyError, match="Cannot delete an active conversation"):
            await conversations.remove(session, id_)
        with pytest.raises(conversations.ConversationBusyError, match="already active"):
            await conversations.reopen(session, id_)
    assert (await read(database, id_)).status == status


async def test_a_conversation_that_is_processed_again_keeps_its_lines_until_it_is_done(database: Database) -> None:
    id_ = await archived(database, None)
    before = await read(database, id_)
    async with database.session() as session:
        assert await conversations.lock_recording(session, id_) == before.audio_key
        await conversations.reopen(session, id_)
        with pytest.raises(conversations.ConversationBusyError):
            await conversations.lock_recording(session, id_)
    again = await read(database, id_)
    assert (again.status, again.progress, again.segments) == ("processing", 0.0, before.segments)
    async with database.session() as session:
        await conversations.set_progress(session, id_, "diarizing", 0.4)
        await conversations.fail(session, id_, "The diarizer is gone.")
    failed = await read(database, id_)
    assert (failed.status, failed.stage, failed.progress, failed.error) == ("completed", None, 1.0, "The diarizer is gone.")
    assert failed.segments == before.segments
    async with database.session() as session:
        await conversations.reopen(session, id_)
    assert (await read(database, id_)).error is None


async def test_without_a_recording_nothing_is_processed_again(database: Database) -> None:
    async with database.session() as session:
        id_ = await add_talk(session, [None])
        with pytest.raises(LookupError, match="Audio file not found"):
            await conversations.reopen(session, id_)
        with pytest.raises(LookupError, match="Conversation not found"):
            await conversations.reopen(session, id_ + 1)
    assert (await read(database, id_)).status == "completed"


async def test_all_that_is_said(database: Database) -> None:
    id_ = await archived(database, None)
    async with database.session() as session:
        assert await conversations.full_text(session, id_) == "Line 0. Line 1. Line 2. Line 3."
        assert await conversations.full_text(session, id_ + 1) == ""


async def test_notes_on_the_stored_sound_survive_reprocessing(database: Database) -> None:
    """The recording was changed when it was accepted; what processing found is found again."""
    sound, found = Note("sound", "Channel 2 was inverted.", 0.0, 5.0), Note("left_out", "“Uh” was left out.", 1.0, 1.5)
    async with database.session() as session:
        id_ = await conversations.create(session, None, None, "flac", notes=[sound])
        await transcripts.save(session, id_, replace(transcript([voice(1)]), notes=(found,)), RULES)
        assert (await conversations.get(session, id_) or pytest.fail("gone")).notes == (sound, found)
        await transcripts.save(session, id_, transcript([voice(1)]), RULES)
    assert (await read(database, id_)).notes == (sound,)
