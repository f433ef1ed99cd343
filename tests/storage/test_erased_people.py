"""An erasure removes one speaker under all its names, and no other speaker."""

from dataclasses import replace

import pytest
from sqlalchemy import insert, select, update

from pipeline.checkpoint import ChosenHotwords
from pipeline.decoding import Decoding
from services.erasure import speakers as erasure
from services.identity import speaker_admin, undo
from storage import vocabulary
from storage.conversations import conversations
from storage.jobs import jobs
from storage.jobs.options import JobOptions
from storage.postgres.database import Database
from storage.speakers import change_log
from storage.speakers.speakers import SpeakerNotFoundError
from storage.tables import Conversation, JobRow, JobStageRow, LabelRow, ParticipantRow, SegmentRow, Speaker
from storage.vocabulary import StoredVocabulary
from tests.storage.archive import add_speaker, add_talk
from tests.storage.people import keep, talk
from tests.storage.transcripts import RULES, read_rules, voice


async def erase(database: Database, speaker: int) -> None:
    async with database.session() as session:
        await erasure.remove(session, speaker)


async def descriptions(database: Database) -> list[str]:
    async with database.session() as session:
        return [change.description for change in await change_log.latest(session, 100)]


async def test_names_in_labels_go(database: Database) -> None:
    async with database.session() as session:
        ada, bob = await add_speaker(session, "Ada", 1), await add_speaker(session, "Bob", 2)
        talk = await add_talk(session, [ada, bob], lines=4)
        found = select(SegmentRow.id).where(SegmentRow.conversation_id == talk).order_by(SegmentRow.position)
        one, two, three, four = await session.scalars(found)
        await session.execute(
            insert(LabelRow),
            [
                {"segment_id": one, "speaker_name": "Ada", "labeled_by": "Eve", "notes": None},
                {"segment_id": two, "speaker_name": "Bob", "labeled_by": "Ada", "notes": None},
                {"segment_id": three, "speaker_name": "Bob", "labeled_by": None, "notes": "or is it Ada?"},
                {"segment_id": four, "speaker_name": "Bob", "labeled_by": "Eve", "notes": "in Adagio"},
            ],
        )
    await erase(database, ada)
    async with database.session() as session:
        columns = (LabelRow.segment_id, LabelRow.speaker_name, LabelRow.labeled_by, LabelRow.notes)
        left = [tuple(row) for row in await session.execute(select(*columns).order_by(LabelRow.segment_id))]
    assert left == [(two, "Bob", None, None), (three, "Bob", None, None), (four, "Bob", "Eve", "in Adagio")]


async def test_names_in_hot_words_go(database: Database) -> None:
    async with database.session() as session:
        lee, bob = await add_speaker(session, "Lee, Ada", 1), await add_speaker(session, "Bob", 2)
        talks = [await add_talk(session, [lee, bob], lines=2), await add_talk(session, [bob], lines=2)]
        for talk, words in zip(talks, (["Adagio", "LEE ADA", "Bob"], ["Bob", "Lee"]), strict=True):
            await conversations.set_hotwords(session, talk, words)
        await vocabulary.replace(session, StoredVocabulary(["Dr. Lee Ada", "Bob"], True))
        job = await jobs.enqueue(session, talks[1], JobOptions(), 2.0, max_queued=9)
        stages = dict.fromkeys((ChosenHotwords.stage, "transcribing"), "Lee Ada, Bob")
        rows = [{"job_id": job, "stage": stage, "result": result} for stage, result in stages.items()]
        await session.execute(insert(JobStageRow), rows)
    await erase(database, lee)
    async with database.session() as session:
        found = await session.execute(select(Conversation.id, Conversation.hotwords))
        assert {row.id: row.hotwords for row in found} == {talks[0]: ["Adagio", "Bob"], talks[1]: ["Bob", "Lee"]}
        assert await vocabulary.stored(session) == StoredVocabulary(["Bob"], True)
        assert list(await session.scalars(select(JobStageRow.stage))) == ["transcribing"]


async def test_names_in_what_requests_chose_go(database: Database) -> None:
    named = Decoding(hotwords="Adagio, Dr. LEE ADA, Bob", initial_prompt="A talk with Lee, Ada.")
    other = Decoding(hotwords="Bob, Lee", initial_prompt="Adagio.", model="small")
    async with database.session() as session:
        lee, bob = await add_speaker(session, "Lee, Ada", 1), await add_speaker(session, "Bob", 2)
        ids = [await add_talk(session, [bob], lines=2) for _ in range(2)]
        rows = []
        for id_, chosen in zip(ids, (named, other), strict=True):
            rows.append(await jobs.enqueue(session, id_, JobOptions(language="en", decoding=chosen), 2.0, max_queued=9))
            stored = update(Conversation).where(Conversation.id == id_)
            await session.execute(stored.values(live_decoding=chosen, audio_key=f"{id_}.flac"))
        await jobs.cancel(session, rows[0])
    await erase(database, lee)
    kept = Decoding(hotwords="Adagio, Bob")
    async with database.session() as session:
        again = await jobs.retry(session, rows[0], max_queued=9)
        found = await session.execute(select(JobRow.id, JobRow.options))
        options = {row.id: JobOptions.model_validate(row.options) for row in found}
        assert options == {
            rows[0]: JobOptions(language="en", decoding=kept),
            rows[1]: JobOptions(language="en", decoding=other),
            again.id: JobOptions(language="en", decoding=kept),
        }
        live = await session.execute(select(Conversation.id, Conversation.live_decoding))
        assert {row.id: row.live_decoding for row in live} == dict(zip(ids, (kept, other), strict=True))


async def test_erasing_a_name_of_separators_alone_leaves_hot_words(database: Database) -> None:
    words = ["Dr. Who, M.D.", "Bob"]
    async with database.session() as session:
        nobody, bob = await add_speaker(session, ",;", 1), await add_speaker(session, "Bob", 2)
        talk = await add_talk(session, [bob], lines=2)
        await conversations.set_hotwords(session, talk, words)
        await vocabulary.replace(session, StoredVocabulary(words, True))
        job = await jobs.enqueue(session, talk, JobOptions(), 2.0, max_queued=9)
        await session.execute(insert(JobStageRow), {"job_id": job, "stage": ChosenHotwords.stage, "result": "Bob"})
    await erase(database, nobody)
    async with database.session() as session:
        assert await session.scalar(select(Conversation.hotwords).where(Conversation.id == talk)) == words
        assert await vocabulary.stored(session) == StoredVocabulary(words, True)
        assert list(await session.scalars(select(JobStageRow.stage))) == [ChosenHotwords.stage]


async def test_a_name_that_is_erased_while_a_recording_is_processed_is_not_stored(database: Database) -> None:
    async with database.session() as session:
        await add_speaker(session, "Bob", 2)
    heard = replace(talk([voice(7)]), hotwords=("Ada", "Ida", "Lee", "Bob"), hotword_names=("Lee", "Bob"))
    kept = await keep(database, heard)
    async with database.session() as session:
        found = await conversations.summary(session, kept)
    assert found is not None
    assert list(found.hotwords) == ["Ada", "Ida", "Bob"]


async def test_speakers_that_were_merged_into_it_go_from_the_history(database: Database) -> None:
    async with database.session() as session:
        ada, ida, bob = [await add_speaker(session, name, seed) for name, seed in (("Ada", 1), ("Ida", 2), ("Bob", 3))]
        await speaker_admin.rename(session, ida, "Ida L.")
        await speaker_admin.merge(session, RULES, ida, ada)
        await speaker_admin.rename(session, bob, "Robert")
    assert len(await descriptions(database)) == 3
    await erase(database, ada)
    assert await descriptions(database) == ["Bob was renamed to Robert"]
    async with database.session() as session:
        assert list(await session.scalars(select(Speaker.name))) == ["Robert"]


async def test_a_former_name_that_another_speaker_has_stays(database: Database) -> None:
    async with database.session() as session:
        ada = await add_speaker(session, "Bob", 1)
        await speaker_admin.rename(session, ada, "Ada")
        bob = await add_speaker(session, "Bob", 2)
        await speaker_admin.rename(session, bob, "Rob")
        await speaker_admin.rename(session, bob, "Bob")
        talk = await add_talk(session, [bob])
        segment = await session.scalar(select(SegmentRow.id).where(SegmentRow.conversation_id == talk).limit(1))
        await session.execute(insert(LabelRow).values(segment_id=segment, speaker_name="Bob"))
    await erase(database, ada)
    assert await descriptions(database) == ["Rob was renamed to Bob", "Bob was renamed to Rob"]
    async with database.session() as session:
        assert list(await session.scalars(select(LabelRow.speaker_name))) == ["Bob"]
        assert list(await session.scalars(select(Speaker.name))) == ["Bob"]


async def test_a_speaker_whose_merge_was_undone_stays(database: Database) -> None:
    async with database.session() as session:
        ada, ida = await add_speaker(session, "Ada", 1), await add_speaker(session, "Ida", 2)
        talk = await add_talk(session, [ada, ida])
        await speaker_admin.merge(session, RULES, ida, ada)
        await undo.undo(session, read_rules)
    await erase(database, ada)
    async with database.session() as session:
        assert list(await session.scalars(select(Speaker.name))) == ["Ida"]
        rows = select(ParticipantRow.speaker_id, ParticipantRow.vector.is_not(None), ParticipantRow.model)
        voices = await session.execute(rows.where(ParticipantRow.conversation_id == talk).order_by(ParticipantRow.id))
        assert [row[:2] for row in voices] == [(None, False), (ida, True)]


async def test_nobody_has_this_id(database: Database) -> None:
    with pytest.raises(SpeakerNotFoundError):
        await erase(database, 12345)
