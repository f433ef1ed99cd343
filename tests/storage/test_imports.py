"""Import of files of other programs and of malicious files."""

import asyncio
import json
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from sqlalchemy import delete, func, select

from pipeline.formats.profile_reader import NotAProfileError, NotJsonError
from services.archive.restore import IncompatibleError, Restored, restore
from services.identity import corrections
from settings import Settings
from storage.backups import backups, imports
from storage.backups.snapshots import Running
from storage.postgres.database import Database
from storage.speakers import voice_settings
from storage.tables import Backup, Conversation, EmotionProfile, SegmentRow, Speaker, VoiceprintRow
from tests.storage.archive import add_speaker, add_talk, names, state
from tests.storage.legacy import as_bytes, legacy_file
from tests.storage.transcripts import MODEL, voice

RUNNING = Running(Settings(speaker_threshold=0.5), MODEL)


async def take_in(database: Database, file: Any) -> Restored:
    async with database.session() as session:
        return await restore(session, RUNNING, await imports.import_file(session, as_bytes(file)))


@pytest.mark.parametrize("version", [1, 2])
async def test_a_file_of_the_reference_system_is_restored(database: Database, version: int) -> None:
    done = await take_in(database, legacy_file(version))
    async with database.session() as session:
        speakers = (await session.execute(select(Speaker.name, Speaker.emotion_threshold).order_by(Speaker.name))).all()
        assert [tuple(row) for row in speakers] == [("Alice", None), ("Bob", 0.8)]
        prints = (await session.scalars(select(VoiceprintRow).order_by(VoiceprintRow.id))).all()
        assert [(one.model, one.source, len(one.vector)) for one in prints] == [("pyannote/embedding", "imported", 512)] * 2
        assert prints[0].vector == pytest.approx(voice(11, 512))
        (profile,) = (await session.scalars(select(EmotionProfile))).all()
        assert (profile.model, profile.voice_model) == ("emotion2vec_plus_large", "pyannote/embedding")
        assert (profile.sample_count, profile.imported_count) == (3, 3)
        assert (profile.voice_sample_count, profile.imported_voice_count) == (3, 3)
        assert profile.vector == pytest.approx(voice(20, 1024))
        threshold = (await voice_settings.get(session, RUNNING.settings, MODEL)).speaker_threshold
        assert threshold == 0.5  # 0.3 is for another model
        assert (await voice_settings.get(session, RUNNING.settings, "pyannote/embedding")).speaker_threshold == 0.3
    assert (done.name, done.counts.speakers_restored, done.counts.segments_skipped_namespace) == ("home", 2, 2)
    assert done.settings_warning is not None


async def test_a_checkpoint_of_the_first_version_has_no_emotions(database: Database) -> None:
    done = await take_in(database, legacy_file(1, "checkpoint"))
    assert (done.name, done.counts.speakers_restored) == ("home", 2)
    async with database.session() as session:
        assert await session.scalar(select(func.count()).select_from(EmotionProfile)) == 0


async def test_lines_of_an_old_file_are_known_by_conversation_and_place(database: Database) -> None:
    async with database.session() as session:
        carol = await add_speaker(session, "Carol")
        one = await add_talk(session, [carol, None], lines=2)
    assert one == 1
    done = await take_in(database, legacy_file())
    async with database.session() as session:
        assert await names(session, one) == ["Alice", "Bob"]
    assert (done.counts.segments_updated, done.counts.segments_replayed_by_legacy_identity) == (2, 2)
    assert done.legacy_warning is not None
    moved = legacy_file()
    moved["segments"][0]["start_offset"] = 0.4
    done = await take_in(database, moved)
    assert (done.counts.segments_updated, done.counts.segments_skipped_identity) == (1, 1)


async def test_speakers_of_lines_are_found_by_name_too(database: Database) -> None:
    async with database.session() as session:
        one = await add_talk(session, [None, None], lines=2)
    file = legacy_file()
    file["segments"][0] |= {"speaker_id": 77}
    file["segments"][1] |= {"speaker_id": 78, "speaker_name": "Unknown_03"}
    done = await take_in(database, file)
    assert (done.counts.segments_remapped_by_name, done.counts.segments_unmapped) == (1, 1)
    async with database.session() as session:
        assert await names(session, one) == ["Alice", None]


async def test_a_stranger_of_another_database_is_not_ours_of_the_same_name(database: Database) -> None:
    async with database.session() as session:
        ours = await add_talk(session, [await add_speaker(session, "Unknown_01"), await add_speaker(session, "Bob")], seed=700)
    file = legacy_file(segments=[])
    file["speakers"][0]["name"] = "Unknown_01"
    await take_in(database, file)
    async with database.session() as session:
        assert await names(session, ours) == [None, "Bob"] * 2


async def test_a_name_that_is_taken_gets_a_number(database: Database) -> None:
    async with database.session() as session:
        found = [await imports.import_file(session, as_bytes(legacy_file())) for _ in range(3)]
    assert [(one.name, one.filename) for one in found] == [
        ("home", "profile_home.json"),
        ("home (2)", "profile_home_2.json"),
        ("home (3)", "profile_home_3.json"),
    ]
    assert [one.timestamp for one in found] == ["20251109_120000"] * 3


async def test_files_that_come_at_once_all_find_a_name(database: Database) -> None:
    async def take() -> str:
        async with database.session() as session:
            return (await imports.import_file(session, as_bytes(legacy_file()))).name

    assert sorted(await asyncio.gather(*(take() for _ in range(4)))) == ["home", "home (2)", "home (3)", "home (4)"]


async def test_our_own_file_goes_through_the_door_unchanged(database: Database) -> None:
    async with database.session() as session:
        ada = await add_speaker(session, "Ada", 1)
        await add_talk(session, [ada, None])
        kept = await backups.create(session, RUNNING, "home", "All of us")
        content = await backups.content(session, kept.filename)
        before = await state(session)
        await backups.delete_profile(session, "home")
        assert content is not None
        await restore(session, RUNNING, await imports.import_file(session, content.encode()))
        assert await state(session) == before
        again = await backups.create(session, RUNNING, "again", "All of us")
        assert (again.speakers_count, again.segments_count) == (kept.speakers_count, kept.segments_count) == (1, 4)


NO_JSON = [
    b"", b"{", b"\xff\xfe{}", b'{"a": "\0"}', b"[" * 100_000, b'{"speakers": [NaN]}', b"nonsense",
    b'{"speakers": [], "name": "a\\u0000b"}', b'{"speakers": [{"name": "\\ud800"}], "name": "a"}',
]  # fmt: skip


@pytest.mark.parametrize("data", NO_JSON, ids=range(len(NO_JSON)))
async def test_what_is_no_json_is_refused(database: Database, data: bytes) -> None:
    with pytest.raises(NotJsonError):
        async with database.session() as session:
            await imports.import_file(session, data)


def _with(path: str, value: Any) -> dict[str, Any]:
    file: Any = deepcopy(legacy_file())
    *way, last = path.split("/")
    place = file
    for step in way:
        place = place[int(step) if step.isdigit() else step]
    place[last] = value
    return dict(file)


CONVERSATION = {"conversation_id": 1, "conversation_uuid": "6f1c0e0a-0000-4000-8000-000000000001"}
PARTICIPANT = {"id": 1, **CONVERSATION, "label": "SPEAKER_00"}
SEGMENT = {"id": 1, **CONVERSATION, "start_offset": 0.0, "end_offset": 1.0}

BAD: list[Any] = [
    [], "text", None, 7, {}, {"name": "x"},
    legacy_file(speakers={}), legacy_file(segments="none"), legacy_file(segments=[1]), legacy_file(speakers=[None]),
    legacy_file(name=""), legacy_file(name="!?"), legacy_file(name="x" * 300), legacy_file(name=7),
    legacy_file(type="virus"), legacy_file(version=99), legacy_file(settings={"speaker_threshold": 7}),
    _with("speakers/0/name", "Bob"), _with("speakers/0/id", 2), _with("speakers/0/id", -1), _with("speakers/0/id", 2**40),
    _with("speakers/0/name", "a\nb"), _with("speakers/0/name", ""), _with("speakers/0/embedding", "AAAA"),
    _with("speakers/0/embedding", [0.1] * 5000), _with("speakers/0/embedding", [1e300]), _with("speakers/0/embedding", []),
    _with("speakers/0/embedding", [None]), _with("speakers/0/emotion_threshold", 3),
    _with("speakers/0/emotion_profiles/0/emotion_category", "hungry"), _with("speakers/0/emotion_profiles/0/sample_count", 0),
    _with("speakers/0/emotion_profiles/0/sample_count", 10**12), _with("speakers/0/emotion_profiles/0/embedding", None),
    _with("segments/0/start_offset", -1), _with("segments/0/id", 2**70), _with("segments/0/speaker_name", "x" * 300),
    _with("speakers/0/embedding", [0.1, 0.2, 0.3]), _with("speakers/1/embedding", [0.1] * 1024),
    _with("speakers/0/emotion_profiles/0/embedding", [0.1] * 3),
    _with("speakers/0/emotion_profiles/0/voice_embedding", [0.1] * 1024),
    _with("speakers/0/references", [{"vector": [0.1] * 3, "model": "pyannote/embedding", "source": "x"}]) | {"version": 3},
    _with("speakers/0/references", [{"vector": [1.0], "model": "", "source": "x"}]) | {"version": 3},
    _with("speakers/0/emotion_profiles", [{"emotion_category": "sad", "embedding": [1.0], "sample_count": 1}] * 2),
    legacy_file(version=3, participants=[PARTICIPANT, PARTICIPANT | {"id": 2}]),
    legacy_file(version=3, segments=[SEGMENT | {"emotion_corrected": True}]),
    legacy_file(version=3, segments=[SEGMENT | {"voice_vector": [1.0]}]),
    legacy_file(version=3, vocabulary={"hotwords": ["<|de|>"]}), legacy_file(version=3, vocabulary={"hotwords": ["a"] * 201}),
]  # fmt: skip


@pytest.mark.parametrize("file", BAD, ids=range(len(BAD)))
async def test_what_is_no_profile_is_refused_and_nothing_is_kept(database: Database, file: Any) -> None:
    with pytest.raises(NotAProfileError):
        async with database.session() as session:
            await imports.import_file(session, as_bytes(file))
    async with database.session() as session:
        assert await session.scalar(select(func.count()).select_from(Backup)) == 0


async def test_what_a_file_says_of_others_conversations_cannot_break_ours(database: Database) -> None:
    """The file has invented ids of participants and segments."""
    async with database.session() as session:
        ada = await add_speaker(session, "Ada", 1)
        one, two = await add_talk(session, [ada]), await add_talk(session, [ada])
        kept = await backups.create(session, RUNNING, "home", None)
        content = await backups.content(session, kept.filename)
    assert content is not None
    file = json.loads(content)
    file["participants"][0]["id"], file["participants"][1]["id"] = 2, 2**31 - 1
    for line in file["segments"]:
        line["participant_id"] = 2**31 - 1
    await take_in(database, file)
    async with database.session() as session:
        assert await names(session, one) == ["Ada"] * 4
        assert await names(session, two) == ["Ada"] * 4
        await add_talk(session, [ada])


async def test_a_model_has_one_length_of_vectors(database: Database) -> None:
    async with database.session() as session:
        await add_talk(session, [await add_speaker(session, "Ada")])
        before = await state(session)
    reference = {"vector": [1.0, 0.0], "model": MODEL, "source": "imported"}
    file = legacy_file(version=3)
    file["speakers"][0]["references"] = [reference]
    file["speakers"][0]["emotion_profiles"] = []
    with pytest.raises(IncompatibleError, match=r"2 and 256"):
        await take_in(database, file)
    async with database.session() as session:
        assert await state(session) == before


async def test_whatever_name_a_speaker_may_have_is_restored_and_imported(database: Database) -> None:
    name = "Zoë 👩\u200d🔬"  # not printable to Python: a joiner
    async with database.session() as session:
        one = await add_talk(session, [await add_speaker(session, name)])
        kept = await backups.create(session, RUNNING, "home", None)
        content = await backups.content(session, kept.filename)
        await restore(session, RUNNING, kept)
    assert content is not None
    async with database.session() as session:
        assert await names(session, one) == [name] * 4
        await restore(session, RUNNING, await imports.import_file(session, content.encode()))
        assert await names(session, one) == [name] * 4


async def test_a_time_without_an_offset_is_utc(database: Database) -> None:
    file = legacy_file(version=3)
    file["speakers"][0] |= {"created_at": "2025-01-02T03:04:05", "emotion_profiles": []}
    await take_in(database, file)
    async with database.session() as session:
        created = await session.scalar(select(Speaker.created_at).where(Speaker.name == "Alice"))
    assert created == datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize("imported", [True, False], ids=["imported samples", "corrections without a segment"])
async def test_the_voice_of_a_profile_is_restored_from_its_samples_alone(database: Database, imported: bool) -> None:
    """The profile of the file has no mean of the voice."""
    async with database.session() as session:
        conversation = await add_talk(session, [await add_speaker(session, "Ada", 1)])
        segment = await session.scalar(select(func.min(SegmentRow.id)))
        assert segment is not None
        await corrections.correct(session, conversation, segment, "sad", learn=True)
        kept = await backups.create(session, RUNNING, "home", None)
        content = await backups.content(session, kept.filename)
    assert content is not None
    file = json.loads(content)
    (profile,) = file["speakers"][0]["emotion_profiles"]
    expected = profile.pop("voice_embedding")
    if imported:
        profile |= {"imported_vector": profile["embedding"], "imported_count": 1}
        profile |= {"imported_voice_vector": expected, "imported_voice_count": 1}
        file["segments"] = []
    async with database.session() as session:
        await session.execute(delete(Conversation).where(Conversation.id == conversation))
    await take_in(database, file)
    async with database.session() as session:
        (restored,) = (await session.scalars(select(EmotionProfile))).all()
    assert (restored.voice_model, restored.voice_sample_count) == (MODEL, 1)
    assert restored.voice_vector == pytest.approx(np.array(expected), abs=1e-6)
