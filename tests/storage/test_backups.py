"""Backups of speakers and their restore, on a real PostgreSQL."""

import asyncio
import json

import numpy as np
import pytest
from sqlalchemy import delete, func, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.voice_settings import VoiceSettingsChange
from services.archive.restore import Restored, restore
from services.identity import corrections, speaker_admin, undo
from settings import Settings
from storage import vocabulary
from storage.backups import backups, imports
from storage.backups.backups import BEFORE_RESTORE, KEPT, BackupSummary, ProfileNotFoundError
from storage.backups.snapshots import Running
from storage.emotions import emotions
from storage.postgres.database import Database
from storage.speakers import distinct_speakers, speakers, voice_settings
from storage.tables import (
    Backup,
    Conversation,
    EmotionProfile,
    ParticipantRow,
    SegmentRow,
    Speaker,
    TurnRow,
    VoiceprintRow,
)
from storage.vocabulary import StoredVocabulary
from tests.storage.archive import add_speaker, add_talk, names, state
from tests.storage.transcripts import MODEL, RULES, read_rules, voice
from tests.storage.waiting import await_lock_waiter

RUNNING = Running(Settings(speaker_threshold=0.5), MODEL)


async def keep(database: Database, name: str = "home") -> BackupSummary:
    async with database.session() as session:
        return await backups.create(session, RUNNING, name, None)


async def put_back(database: Database, backup: BackupSummary) -> Restored:
    async with database.session() as session:
        return await restore(session, RUNNING, backup)


async def reprocess(session: AsyncSession, conversation_id: int) -> None:
    """Process the conversation again: the same segments at the same positions, with participants without a speaker."""
    old = (await session.scalars(select(SegmentRow).where(SegmentRow.conversation_id == conversation_id))).all()
    kept = [(line.participant_id, line.position, line.start_offset, line.end_offset) for line in old]
    session.expunge_all()
    await session.execute(delete(ParticipantRow).where(ParticipantRow.conversation_id == conversation_id))
    people: dict[int, ParticipantRow] = {}
    for former, position, start, end in kept:
        if former not in people:
            people[former] = ParticipantRow(conversation_id=conversation_id, label=f"SPEAKER_{len(people):02d}")
            session.add(people[former])
            await session.flush()
        session.add(
            SegmentRow(
                conversation_id=conversation_id, participant_id=people[former].id, position=position, start_offset=start,
                end_offset=end, text="Again.",
            )
        )  # fmt: skip


async def line_ids(session: AsyncSession, conversation_id: int) -> list[int]:
    found = select(SegmentRow.id).where(SegmentRow.conversation_id == conversation_id).order_by(SegmentRow.position)
    return list(await session.scalars(found))


async def test_a_restore_undoes_what_came_after_the_backup(database: Database) -> None:
    async with database.session() as session:
        ada, bob = await add_speaker(session, "Ada", 1), await add_speaker(session, "Bob", 2)
        one = await add_talk(session, [ada, bob, None])
    kept = await keep(database)
    async with database.session() as session:
        before = await state(session)
        await session.execute(update(Speaker).where(Speaker.id == ada).values(name="Swap", emotion_threshold=0.9))
        await session.execute(update(Speaker).where(Speaker.id == bob).values(name="Ada"))
        await session.execute(update(Speaker).where(Speaker.id == ada).values(name="Bob"))
        eve = await add_speaker(session, "Eve", 3)
        await session.execute(update(ParticipantRow).where(ParticipantRow.speaker_id == bob).values(voice_id=eve))
        other = ParticipantRow(conversation_id=one, label="moved", voice_id=eve)
        session.add(other)
        await session.flush()
        await session.execute(update(SegmentRow).where(SegmentRow.position == 0).values(participant_id=other.id))
        await session.execute(delete(VoiceprintRow).where(VoiceprintRow.speaker_id == ada))
    done = await put_back(database, kept)
    async with database.session() as session:
        assert await state(session) == before
        assert await names(session, one) == ["Ada", "Bob", None, "Ada"]
        assert await session.scalar(select(func.count()).select_from(TurnRow)) == 4
    assert (done.name, done.counts.speakers_restored, done.counts.segments_updated) == ("home", 2, 4)
    assert (done.counts.segments_not_found, done.counts.segment_namespace_match, done.legacy_warning) == (0, True, None)


async def test_what_came_after_the_backup_keeps_those_whom_it_knows(database: Database) -> None:
    async with database.session() as session:
        ada = await add_speaker(session, "Ada", 1)
    kept = await keep(database)
    async with database.session() as session:
        eve = await add_speaker(session, "Eve", 2)
        later = await add_talk(session, [ada, eve])
        await session.execute(update(Speaker).where(Speaker.id == ada).values(name="Adele"))
    await put_back(database, kept)
    async with database.session() as session:
        assert await names(session, later) == ["Ada", None] * 2
        assert list(await session.scalars(select(Speaker.name))) == ["Ada"]


async def test_a_deleted_speaker_comes_back_under_the_same_id(database: Database) -> None:
    async with database.session() as session:
        ada, bob = await add_speaker(session, "Ada", 1), await add_speaker(session, "Bob", 2)
        await add_talk(session, [ada, bob])
    kept = await keep(database)
    async with database.session() as session:
        before = await state(session)
        await session.execute(delete(Speaker).where(Speaker.id == ada))
    await put_back(database, kept)
    async with database.session() as session:
        assert await state(session) == before
        assert await add_speaker(session, "Eve") > max(ada, bob)


async def test_lines_that_were_found_again_are_known_by_their_place(database: Database) -> None:
    async with database.session() as session:
        ada, bob = await add_speaker(session, "Ada"), await add_speaker(session, "Bob")
        one = await add_talk(session, [ada, bob], lines=6)
        (_, first, *_) = await line_ids(session, one)
        person = await session.scalar(select(ParticipantRow.id).where(ParticipantRow.speaker_id == ada))
        await session.execute(update(SegmentRow).where(SegmentRow.id == first).values(participant_id=person))
    kept = await keep(database)
    async with database.session() as session:
        wanted = await names(session, one)
        await session.execute(update(SegmentRow).where(SegmentRow.position == 5).values(end_offset=99.0))
        await session.execute(update(ParticipantRow).values(voice_id=None))
        await reprocess(session, one)
    done = await put_back(database, kept)
    async with database.session() as session:
        assert wanted == ["Ada", "Ada", "Ada", "Bob", "Ada", "Bob"]
        found = await names(session, one)
        assert found[:5] == wanted[:5]
        sources = (
            await session.execute(select(VoiceprintRow.speaker_id, VoiceprintRow.source).order_by(VoiceprintRow.id))
        ).all()
        assert [tuple(row) for row in sources] == [(ada, "backup"), (bob, "backup")]
    assert (done.counts.segments_updated, done.counts.segments_skipped_identity) == (5, 1)


async def test_segments_moved_to_a_restored_participant_are_restored_again(database: Database) -> None:
    async with database.session() as session:
        ada, bob = await add_speaker(session, "Ada"), await add_speaker(session, "Bob")
        one = await add_talk(session, [ada, bob], lines=6)
        nobody = ParticipantRow(conversation_id=one, label="SPEAKER_02")
        session.add(nobody)
        await session.flush()
        person = await session.scalar(select(ParticipantRow.id).where(ParticipantRow.speaker_id == bob))
        await session.execute(update(SegmentRow).where(SegmentRow.position == 1).values(participant_id=nobody.id))
    kept = await keep(database)
    async with database.session() as session:
        wanted = await names(session, one)
        await session.execute(update(SegmentRow).where(SegmentRow.position == 1).values(participant_id=person))
        await reprocess(session, one)
    await put_back(database, kept)
    async with database.session() as session:
        assert wanted == ["Ada", None, "Ada", "Bob", "Ada", "Bob"] == await names(session, one)
        moved = await session.scalar(select(SegmentRow.participant_id).where(SegmentRow.position == 1))
        await session.execute(update(ParticipantRow).where(ParticipantRow.id == moved).values(voice_id=bob))
        await session.execute(update(SegmentRow).where(SegmentRow.position == 3).values(participant_id=moved))
        await session.execute(update(SegmentRow).where(SegmentRow.position == 5).values(participant_id=moved))
        empty = ~select(SegmentRow.id).where(SegmentRow.participant_id == ParticipantRow.id).exists()
        await session.execute(delete(ParticipantRow).where(empty))
    await put_back(database, kept)
    async with database.session() as session:
        assert await names(session, one) == wanted


async def test_a_speaker_is_still_recognized_when_their_conversation_is_gone(database: Database) -> None:
    async with database.session() as session:
        one = await add_talk(session, [await add_speaker(session, "Ada")])
    kept = await keep(database)
    async with database.session() as session:
        await session.execute(delete(Conversation).where(Conversation.id == one))
    for _ in range(2):  # and the copies do not accumulate
        done = await put_back(database, kept)
    async with database.session() as session:
        (reference,) = (await session.execute(select(VoiceprintRow.vector, VoiceprintRow.model))).all()
    assert (reference.vector == voice(100)).all()
    assert reference.model == MODEL
    assert (done.counts.segments_skipped_namespace, done.counts.segments_updated) == (4, 0)
    assert not done.counts.segment_namespace_match


async def test_corrections_come_back_and_teach_what_they_taught(database: Database) -> None:
    async with database.session() as session:
        ada = await add_speaker(session, "Ada", 1)
        one, two = await add_talk(session, [ada]), await add_talk(session, [ada], seed=300)
        for conversation in (one, two):
            ids = await line_ids(session, conversation)
            await corrections.correct(session, conversation, ids[0], "sad", learn=True)
            await corrections.correct(session, conversation, ids[1], "angry", learn=False)
        await session.execute(update(EmotionProfile).values(confidence_threshold=0.7))
    kept = await keep(database)
    async with database.session() as session:
        before = await state(session)
        ids = await line_ids(session, one)
        await corrections.correct(session, one, ids[0], "angry", learn=True)
        await corrections.correct(session, one, ids[2], "sad", learn=True)
    await put_back(database, kept)
    async with database.session() as session:
        assert await state(session) == before
        assert [(row[1], row[4]) for row in before["profiles"]] == [("sad", 2)]
        await session.execute(delete(Conversation).where(Conversation.id == two))
        await emotions.recompute(session, ada)
        assert [row[4] for row in (await state(session))["profiles"]] == [1]
    await put_back(database, kept)  # the file contains the profiles learned from the deleted segments
    async with database.session() as session:
        (profile,) = (await session.scalars(select(EmotionProfile))).all()
        assert (profile.sample_count, profile.imported_count, profile.confidence_threshold) == (2, 1, 0.7)
        assert (profile.voice_sample_count, profile.imported_voice_count) == (2, 1)
        assert profile.vector == pytest.approx((voice(150, 64) + voice(350, 64)) / 2, abs=1e-6)
        assert profile.imported_vector == pytest.approx(voice(350, 64), abs=1e-6)


async def test_a_restore_learns_nothing_from_an_unclassified_segment(database: Database) -> None:
    """A zero vector marks a segment that the model could not classify."""
    async with database.session() as session:
        conversation = await add_talk(session, [await add_speaker(session, "Ada", 1)])
        learned, unclassified, *_ = await line_ids(session, conversation)
        no_emotion, no_voice = np.zeros(64, np.float32), np.zeros(256, np.float32)
        await session.execute(update(SegmentRow).where(SegmentRow.id == unclassified).values(emotion_vector=no_emotion))
        await session.execute(update(SegmentRow).where(SegmentRow.id == learned).values(voice_vector=no_voice))
        for id_ in (learned, unclassified):
            await corrections.correct(session, conversation, id_, "sad", learn=True)
        assert [row[4] for row in (await state(session))["profiles"]] == [1]
    kept = await keep(database)
    async with database.session() as session:
        vector = (await session.scalars(select(EmotionProfile.vector))).one()
        await session.execute(delete(Conversation).where(Conversation.id == conversation))
    await put_back(database, kept)
    async with database.session() as session:
        (profile,) = (await session.scalars(select(EmotionProfile))).all()
    assert (profile.sample_count, profile.imported_count) == (1, 1)
    assert (profile.voice_sample_count, profile.imported_voice_count) == (0, 0)
    assert profile.vector == pytest.approx(vector, abs=1e-6)


async def test_settings_come_back(database: Database) -> None:
    async with database.session() as session:
        await voice_settings.update(session, VoiceSettingsChange(speaker_threshold=0.4, silence_duration=2.0), MODEL)
    kept = await keep(database)
    async with database.session() as session:
        before = await state(session)
        await voice_settings.update(session, VoiceSettingsChange(speaker_threshold=0.8, emotion_threshold=0.9), MODEL)
    done = await put_back(database, kept)
    assert (done.settings_restored, done.settings_warning) == (True, None)
    async with database.session() as session:
        assert await state(session) == before


async def test_hot_words_come_back(database: Database) -> None:
    first, second = StoredVocabulary(["Siobhán", "pgvector"], True), StoredVocabulary(["Tekzas"])
    async with database.session() as session:
        await vocabulary.replace(session, first)
    kept = await keep(database)
    async with database.session() as session:
        await vocabulary.replace(session, second)
        content = await backups.content(session, kept.filename)
        assert content is not None
        older = json.loads(content) | {"name": "older"}
        del older["vocabulary"]
        imported = await imports.import_file(session, json.dumps(older).encode())
    await put_back(database, imported)
    async with database.session() as session:
        assert await vocabulary.stored(session) == second
    await put_back(database, kept)
    async with database.session() as session:
        assert await vocabulary.stored(session) == first


async def test_a_threshold_of_another_model_does_not_hold_for_the_one_that_runs(database: Database) -> None:
    async with database.session() as session:
        await voice_settings.update(session, VoiceSettingsChange(speaker_threshold=0.4), MODEL)
    kept = await keep(database)
    async with database.session() as session:
        await voice_settings.update(session, VoiceSettingsChange(speaker_threshold=0.7), "another")
    async with database.session() as session:
        done = await restore(session, Running(RUNNING.settings, "another"), kept)
    assert done.settings_warning is not None
    assert MODEL in done.settings_warning
    async with database.session() as session:
        found = [(await voice_settings.get(session, RUNNING.settings, model)).speaker_threshold for model in ("another", MODEL)]
    assert found == [0.7, 0.4]


@pytest.mark.parametrize("table", ["voiceprints", "segments", "emotion_profiles", "voice_settings"])
async def test_a_restore_that_fails_half_way_changes_nothing(database: Database, table: str) -> None:
    async with database.session() as session:
        ada = await add_speaker(session, "Ada", 1)
        one = await add_talk(session, [ada])
        await corrections.correct(session, one, (await line_ids(session, one))[0], "sad", learn=True)
        await voice_settings.update(session, VoiceSettingsChange(context_padding=1.0), MODEL)
    kept = await keep(database)
    async with database.session() as session:
        await session.execute(update(Speaker).values(name="Eve"))
        await session.execute(update(SegmentRow).values(is_misidentified=True))
        before = await state(session)
        files = (await session.execute(select(Backup.filename, Backup.content))).all()
        await session.execute(text("CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''no''; END'"))
        await session.execute(
            text(f"CREATE TRIGGER fail AFTER INSERT OR UPDATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION fail()")
        )
    try:
        with pytest.raises(DBAPIError, match="no"):
            await put_back(database, kept)
        async with database.session() as session:
            assert await state(session) == before
            assert (await session.execute(select(Backup.filename, Backup.content))).all() == files
    finally:
        async with database.session() as session:
            await session.execute(text("DROP FUNCTION fail CASCADE"))
    await put_back(database, kept)
    async with database.session() as session:
        assert await names(session, one) == ["Ada"] * 4


async def test_what_a_restore_replaced_is_kept(database: Database) -> None:
    async with database.session() as session:
        await add_speaker(session, "Ada", 1)
    kept = await keep(database)
    for name in ("Bob", "Eve"):
        async with database.session() as session:
            await session.execute(update(Speaker).values(name=name))
        done = await put_back(database, kept)
        assert done.before is not None
    async with database.session() as session:
        (older,) = await backups.checkpoints(session, BEFORE_RESTORE)
        newest = await backups.profile(session, BEFORE_RESTORE)
    for replaced, name in ((newest, "Eve"), (older, "Bob")):
        await put_back(database, replaced)
        async with database.session() as session:
            assert list(await session.scalars(select(Speaker.name))) == [name]
    for _ in range(KEPT):
        await put_back(database, kept)
    async with database.session() as session:
        assert len(await backups.checkpoints(session, BEFORE_RESTORE)) == KEPT - 1


async def test_an_empty_profile_forgets_everybody_and_that_can_be_undone(database: Database) -> None:
    async with database.session() as session:
        one = await add_talk(session, [await add_speaker(session, "Ada", 1)])
        empty = await backups.create(session, RUNNING, "empty", None, empty=True)
        before = await state(session)
    done = await put_back(database, empty)
    async with database.session() as session:
        assert await names(session, one) == [None] * 4
    assert done.before is not None
    await put_back(database, done.before)
    async with database.session() as session:
        assert await state(session) == before


async def test_a_profile_may_be_deleted_while_somebody_is_about_to_use_it(database: Database) -> None:
    kept = await keep(database)

    async def checkpoint() -> BackupSummary:
        async with database.session() as session:
            return await backups.create_checkpoint(session, RUNNING, "home")

    async with database.session() as deleting:
        await speakers.lock(deleting)
        using = [asyncio.create_task(checkpoint()), asyncio.create_task(put_back(database, kept))]
        await await_lock_waiter(deleting)
        await backups.delete_profile(deleting, "home")
    for one in using:
        with pytest.raises(ProfileNotFoundError):
            await one


async def test_a_file_holds_no_vector_without_its_model(database: Database) -> None:
    async with database.session() as session:
        ada = await add_speaker(session, "Ada", 1, 2)
        await add_speaker(session, "Bob", 3, model="another")
        await add_talk(session, [ada])
    kept = await keep(database)
    async with database.session() as session:
        content = await backups.content(session, kept.filename)
        voices = await backups.voices(session, kept)
    assert content is not None
    file = json.loads(content)
    assert (file["version"], file["type"], file["name"], file["embedding_model"]) == (3, "profile", "home", MODEL)
    assert [(r["model"], r["source"], len(r["vector"])) for r in file["speakers"][0]["references"]] == [
        (MODEL, "enrolled", 256)
    ] * 2
    assert file["speakers"][0]["embedding"] == pytest.approx(((voice(1) + voice(2) + voice(100)) / 3).tolist(), abs=1e-6)
    assert file["speakers"][1]["embedding_model"] == "another"
    line = {"id": 1, "conversation_id": 1, "speaker_id": ada, "speaker_name": "Ada", "start_offset": 0.0}
    assert file["segments"][0] | line == file["segments"][0]
    assert [(one.name, set(one.models)) for one in voices] == [("Ada", {MODEL}), ("Bob", {"another"})]


@pytest.mark.parametrize(
    ("name", "kept"), [("my home", "my_home"), ("../../etc/passwd", "....etcpasswd"), ("Büro-1.2", "Büro-1.2")]
)
def test_a_name_never_becomes_a_path(name: str, kept: str) -> None:
    assert backups.safe(name) == kept
    assert backups.FILENAME.fullmatch(backups.profile_filename(name))


async def test_an_undone_merge_still_tells_its_speakers_apart_after_a_restore(database: Database) -> None:
    async with database.session() as session:
        ada, bob = await add_speaker(session, "Ada", 1), await add_speaker(session, "Bob", 2)
        await speaker_admin.rename(session, bob, "Rob")
        await speaker_admin.merge(session, RULES, bob, ada)
        await undo.undo(session, read_rules)
    kept = await keep(database)
    done = await put_back(database, kept)
    assert (done.forgotten_changes, done.counts.distinct_pairs_restored) == (1, 1)
    assert done.left_out == "1 change(s) of speakers cannot be undone any more."
    async with database.session() as session:
        assert await distinct_speakers.pairs(session, [ada, bob]) == {frozenset((ada, bob))}


async def test_a_file_without_pairs_leaves_those_of_the_speakers_that_stay(database: Database) -> None:
    async with database.session() as session:
        ada, bob = await add_speaker(session, "Ada", 1), await add_speaker(session, "Bob", 2)
    kept = await keep(database)
    async with database.session() as session:
        content = json.loads(await backups.content(session, kept.filename) or "")
        for speaker in content["speakers"]:
            assert speaker.pop("different_from") == []
        older = await imports.import_file(session, json.dumps(content).encode())
        eve = await add_speaker(session, "Eve", 3)
        await distinct_speakers.add(session, ada, bob)
        await distinct_speakers.add(session, ada, eve)
    done = await put_back(database, older)
    assert done.counts.distinct_pairs_restored is None
    async with database.session() as session:
        assert await distinct_speakers.pairs_of(session, [ada]) == [(ada, bob)]
    assert (await put_back(database, kept)).counts.distinct_pairs_restored == 0
    async with database.session() as session:
        assert await distinct_speakers.pairs_of(session, [ada]) == []
