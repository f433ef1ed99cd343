"""Import of the reference system's SQLite file into PostgreSQL."""

from datetime import UTC, datetime
from pathlib import Path
from unicodedata import normalize

import numpy as np
import pytest
from sqlalchemy import select

from pipeline.access import LOCAL
from services.archive.legacy_import import Imported, LegacyImport
from settings import Settings
from storage.audio import AudioStore
from storage.conversations import conversations, labels
from storage.conversations.conversations import ConversationDetail
from storage.emotions import profiles
from storage.legacy.sqlite_file import LegacyFile
from storage.postgres.database import Database
from storage.search import listing
from storage.speakers import speakers
from storage.tables import ParticipantRow, Speaker, VoiceprintRow
from tests.storage.legacy_database import BREAKDOWN, add_segment, add_speaker, fill, legacy_database
from tests.storage.transcripts import MODEL, voice
from tests.support.fixed_stages import FixedStages, sound


async def imported(database: Database, file: Path, audio: Path | None, store: AudioStore) -> Imported:
    with LegacyFile(file) as source:
        importer = LegacyImport(Settings(), database, store, source, audio, FixedStages() if audio else None, MODEL)
        return await importer.run(lambda done, total: None)


async def conversation(database: Database, id_: int) -> ConversationDetail:
    async with database.session() as session:
        found = await conversations.get(session, id_)
    assert found is not None
    return found


@pytest.fixture
def store(tmp_path: Path) -> AudioStore:
    return AudioStore(str(tmp_path / "store"))


@pytest.fixture
def audio(tmp_path: Path) -> Path:
    directory = tmp_path / "data" / "recordings"
    directory.mkdir(parents=True)
    (directory / "conv_7_full.wav").write_bytes(sound())
    return tmp_path / "data"


async def test_everything_is_taken_over(database: Database, tmp_path: Path, audio: Path, store: AudioStore) -> None:
    done = await imported(database, fill(tmp_path / "speakers.db"), audio, store)
    assert (done.conversations, done.segments, done.recordings, done.speakers) == (2, 3, 1, 2)

    found = await conversation(database, 7)  # under its id, which clients remember
    assert (found.title, found.status, found.num_segments, found.num_speakers) == ("Standup", "completed", 2, 2)
    assert found.start_time == datetime(2025, 11, 9, 16, 2, 30, 123456, UTC)
    assert found.duration == pytest.approx(6.0)
    assert found.audio_key is not None
    assert await store.exists(found.audio_key)
    first, second = found.segments
    assert (first.id, first.speaker_id, first.speaker_name, first.text) == (21, 3, "Alice", "Good morning.")
    assert (first.start_offset, first.end_offset, first.confidence, first.avg_logprob) == (0.0, 3.0, 0.62, -0.3)
    assert first.words is not None
    assert [word.text for word in first.words] == [" Good", " morning."]
    assert (first.emotion_category, first.emotion_confidence) == ("unknown", 0.7)
    assert first.detector_breakdown == BREAKDOWN
    assert (second.id, second.speaker_name) == (22, "Unknown_1731168150123456")
    async with database.session() as session:
        emotions = await profiles.profiles(session, 3)
        (profile,) = emotions.profiles
        assert (profile.emotion_category, profile.sample_count, profile.voice_sample_count) == ("angry", 4, 3)
        references = list(await session.scalars(select(VoiceprintRow).order_by(VoiceprintRow.speaker_id)))
    assert [(one.speaker_id, one.model, one.source) for one in references] == [
        (3, "pyannote/embedding", "imported"),
        (5, "pyannote/embedding", "imported"),
    ]
    np.testing.assert_array_equal(references[0].vector, voice(3, 512))


async def test_voices_are_computed_by_the_present_model(
    database: Database, tmp_path: Path, audio: Path, store: AudioStore
) -> None:
    done = await imported(database, fill(tmp_path / "speakers.db"), audio, store)
    async with database.session() as session:
        rows = list(await session.scalars(select(ParticipantRow).order_by(ParticipantRow.id)))
    assert [(row.speaker_id, row.model) for row in rows] == [(3, MODEL), (5, MODEL), (None, None)]
    assert done.voiceless == []


async def test_speakers_without_a_recording_are_listed(database: Database, tmp_path: Path, store: AudioStore) -> None:
    done = await imported(database, fill(tmp_path / "speakers.db"), None, store)
    assert done.recordings == 0
    assert done.voiceless == ["Alice", "Unknown_1731168150123456"]
    found = await conversation(database, 7)
    assert (found.status, found.audio_key) == ("completed", None)
    assert [note.kind for note in found.notes][:1] == ["left_out"]
    assert "conv_7_full.wav" in " ".join(done.losses)


async def test_an_unfinished_recording_is_not_completed(
    database: Database, tmp_path: Path, audio: Path, store: AudioStore
) -> None:
    await imported(database, fill(tmp_path / "speakers.db"), audio, store)
    found = await conversation(database, 9)
    assert (found.status, found.title) == ("failed", None)
    assert found.error is not None
    assert "process it again" in found.error


@pytest.mark.parametrize("version", [1, 2])
async def test_a_second_import_changes_nothing(
    database: Database, tmp_path: Path, audio: Path, store: AudioStore, version: int
) -> None:
    file = fill(tmp_path / "speakers.db", version)
    await imported(database, file, audio, store)
    async with database.session() as session:
        renamed = await session.get_one(Speaker, 3)
        renamed.name = "Alicia"
    done = await imported(database, file, audio, store)
    assert (done.conversations, done.speakers, done.present) == (0, 0, 2)
    async with database.session() as session:
        assert [one.name for one in await speakers.list_all(session)] == ["Alicia", "Unknown_1731168150123456"]
    assert len(list((tmp_path / "store").iterdir())) == 1


async def test_what_an_import_added_later_is_imported_alone(
    database: Database, tmp_path: Path, audio: Path, store: AudioStore
) -> None:
    file = fill(tmp_path / "speakers.db", 1)
    await imported(database, file, audio, store)
    other = tmp_path / "other.db"
    with legacy_database(other, 1) as to:
        add_speaker(to, 3, "Zoe", voice(98, 512).tobytes())
        add_speaker(to, 4, "Alice", voice(99, 512).tobytes())
        to.execute("INSERT INTO conversations (id, start_time, status) VALUES (7, '2024-01-01 10:00:00', 'completed')")
        add_segment(to, 21, 7, 1.0, 2.0, speaker_id=4)
    done = await imported(database, other, None, store)
    assert (done.conversations, done.speakers, done.present) == (1, 1, 0)
    async with database.session() as session:
        people = {one.name: one.id for one in await speakers.list_all(session)}
        newest = (await listing.list_page(session, LOCAL, limit=10)).items
    assert people["Alice"] == 3  # the same name is the same person
    assert people["Zoe"] > 5
    (added,) = [one for one in newest if one.start_time.year == 2024]
    assert added.id > 9  # 7 is taken
    (segment,) = (await conversation(database, added.id)).segments
    assert (segment.speaker_name, segment.id > 23) == ("Alice", True)


async def test_the_first_version_has_labels(database: Database, tmp_path: Path, audio: Path, store: AudioStore) -> None:
    done = await imported(database, fill(tmp_path / "speakers.db", 1), audio, store)
    assert done.labels == 1
    async with database.session() as session:
        (label,) = await labels.of_conversation(session, 7)
    assert (label.segment_id, label.speaker_name) == (22, "Bob")


async def test_later_conversations_have_other_ids(database: Database, tmp_path: Path, store: AudioStore) -> None:
    await imported(database, fill(tmp_path / "speakers.db"), None, store)
    async with database.session() as session:
        assert await conversations.create(session, "New", None, "flac") > 9
        assert await speakers.create_unknown(session) > 5


async def test_spellings_of_one_name_are_one_speaker(database: Database, tmp_path: Path, store: AudioStore) -> None:
    file = tmp_path / "speakers.db"
    with legacy_database(file, 1) as to:
        for id_, name in ((3, normalize("NFD", "José")), (4, "josé\u200b"), (5, "Ann\u00a0Li")):
            add_speaker(to, id_, name)
        to.execute("INSERT INTO conversations (id, start_time, status) VALUES (7, '2024-01-01 10:00:00', 'completed')")
        for number, name in enumerate(("JOSÉ", "Ann  Li", "\u200b")):
            add_segment(to, number + 1, 7, float(number), number + 1.0, speaker_name=name)
    await imported(database, file, None, store)
    segments = (await conversation(database, 7)).segments
    assert [one.speaker_name for one in segments] == ["José", "Ann Li", "Unknown_C"]
    async with database.session() as session:
        assert await speakers.names(session) == ["Ann Li", "José"]
