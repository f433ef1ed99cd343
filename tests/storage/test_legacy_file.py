"""Hostile and damaged SQLite files in the place of the reference system's."""

import json
import os
import pickle
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from storage.legacy import rows
from storage.legacy.recordings import find
from storage.legacy.rows import Losses
from storage.legacy.sqlite_file import LegacyFile, LegacyFileError
from tests.storage.legacy_database import (
    add_conversation,
    add_profile,
    add_segment,
    add_speaker,
    fill,
    legacy_database,
)
from tests.storage.transcripts import voice


class Bomb:
    """Unpickling it creates a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.path,))


def read_speakers(path: Path) -> tuple[list[rows.LegacySpeaker], list[str]]:
    losses = Losses()
    with LegacyFile(path) as file:
        found = [rows.speaker(row, losses) for row in file.rows("speakers", 100)]
    return [one for one in found if one is not None], list(losses)


def test_a_vector_is_exactly_its_numbers(tmp_path: Path) -> None:
    marker = tmp_path / "unpickled"
    not_a_number = voice(1, 512).copy()
    not_a_number[7] = np.nan
    vectors = [
        voice(1, 512).tobytes(),
        np.ones(3, np.float32).tobytes(),
        pickle.dumps(Bomb(marker)).ljust(2048, b"\0"),
        voice(1, 512).tobytes() + b"\0",
        not_a_number.tobytes(),
        bytes(2048),
        "x" * 2048,
        7,
    ]
    with legacy_database(tmp_path / "speakers.db") as to:
        for number, vector in enumerate(vectors, 1):
            add_speaker(to, number, f"Person {number}", vector)
    people, losses = read_speakers(tmp_path / "speakers.db")
    kept = {person.name for person in people if person.voice is not None}
    assert len(people) == len(vectors)
    assert "Person 1" in kept
    assert kept <= {"Person 1", "Person 3"}  # the bytes of a pickle may be numbers; they are nothing else
    assert "The voice of 'Person 2' is not 512 numbers, and was left out." in losses
    assert not marker.exists()


def test_values_of_any_type_are_checked(tmp_path: Path) -> None:
    losses = Losses()
    with legacy_database(tmp_path / "speakers.db") as to:
        add_speaker(to, 1, "  \n ")
        add_speaker(to, 2, b"\xff\xfe")
        add_profile(to, 1, 1, emotion_category="bored")
        add_conversation(to, 1, snapshot_uuid="x", start_time="yesterday", duration=float("inf"), title="a\0b", status=7)
        add_segment(to, 1, 1, "soon", 2.0)
        add_segment(to, 2, 1, 3.0, 2.0)
        add_segment(to, 3, 1, -1.0, 2.0)
        deep = "[" * 100_000
        add_segment(to, 4, 1, 1.0, 2.0, words_data=deep, detector_breakdown=deep, confidence=1e300, text=b"\x00\x01")
        add_segment(to, 5, 1, 1.0, 2.0, words_data=json.dumps([{"word": "a", "start": None, "end": 1, "probability": 1}]))
        add_segment(to, 6, 1, 1.0, 2.0, detector_breakdown='{"a": "\\u0000"}', emotion_embedding=b"abc")
    with LegacyFile(tmp_path / "speakers.db") as file:
        people = [rows.speaker(row, losses) for row in file.rows("speakers", 100)]
        assert [person and person.name for person in people] == ["Speaker 1", "Speaker 2"]
        assert [rows.emotion_profile(row, losses) for row in file.rows("speaker_emotion_profiles", 100)] == [None]
        (talk,) = (rows.conversation(row) for row in file.rows("conversations", 100))
        assert talk is not None
        assert (talk.title, talk.start_time, talk.duration) == ("ab", None, None)
        found = [rows.segment(row, losses) for row in file.rows("conversation_segments", 100)]
    assert found[:3] == [None] * 3
    fourth, fifth, sixth = found[3:]
    assert fourth is not None
    assert fifth is not None
    assert sixth is not None
    assert (fourth.words, fourth.detector_breakdown, fourth.confidence, fourth.text) == (None, None, None, "")
    assert fifth.words is None
    assert (sixth.detector_breakdown, sixth.emotion_vector) == (None, None)
    assert "A segment without valid times was left out. (3 times)" in list(losses)


VIEW = """
CREATE VIEW speakers AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS id, 'x' AS name FROM n
"""
COMPUTED = "CREATE TABLE speakers (id INTEGER PRIMARY KEY, name TEXT AS (hex(zeroblob(1000000))))"
NO_KEY = "CREATE TABLE speakers (id INTEGER, name TEXT)"


@pytest.mark.parametrize("speakers", [VIEW, COMPUTED, NO_KEY, "CREATE TABLE speakers (id INTEGER PRIMARY KEY)", ""])
def test_other_schemas_are_refused(tmp_path: Path, speakers: str) -> None:
    path = tmp_path / "speakers.db"
    connection = sqlite3.connect(path)
    connection.executescript(speakers)
    connection.close()
    with pytest.raises(LegacyFileError, match="no database of the reference system"):
        LegacyFile(path)


@pytest.mark.parametrize("content", [b"", b"hello" * 1000, b"SQLite format 3\0" + bytes(2000)])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "speakers.db"
    path.write_bytes(content)
    with pytest.raises(LegacyFileError):
        LegacyFile(path)


def test_a_damaged_file_ends_in_a_sentence(tmp_path: Path) -> None:
    path = fill(tmp_path / "speakers.db")
    data = bytearray(path.read_bytes())
    page = int.from_bytes(data[16:18], "big")
    for first in range(page, len(data), page):  # all but the schema
        data[first : first + 200] = os.urandom(200)
    path.write_bytes(data)
    with pytest.raises(LegacyFileError, match="damaged"), LegacyFile(path) as file:
        list(file.rows("conversations", 100))


def test_a_value_that_is_too_large_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "speakers.db"
    with legacy_database(path) as to:
        add_conversation(to, 1, snapshot_uuid="x", title="x" * (9 * 2**20))
    with LegacyFile(path) as file, pytest.raises(LegacyFileError):
        list(file.rows("conversations", 100))


def test_a_table_that_is_too_long_is_refused(tmp_path: Path) -> None:
    with LegacyFile(fill(tmp_path / "speakers.db")) as file:
        assert len(list(file.rows("speakers", 2))) == 2
        with pytest.raises(LegacyFileError, match="more than 1 rows"):
            list(file.rows("speakers", 1))


def test_a_list_of_losses_is_bounded() -> None:
    losses = Losses()
    for number in range(5000):
        losses.add(f"'{number}' was left out.")
    assert len(list(losses)) == rows.MAX_SENTENCES + 1
    assert list(losses)[-1] == f"{rows.MORE} ({5000 - rows.MAX_SENTENCES} times)"


def test_nothing_is_written_to_the_file_or_beside_it(tmp_path: Path) -> None:
    path = fill(tmp_path / "speakers.db")
    before = path.read_bytes()
    with LegacyFile(path) as file:
        list(file.rows("speakers", 100))
        with pytest.raises(LegacyFileError):
            list(file._execute("DELETE FROM speakers"))
        with pytest.raises(LegacyFileError):
            list(file._execute("ATTACH 'other.db' AS other"))
        with pytest.raises(LegacyFileError):
            list(file._execute("SELECT load_extension('x')"))
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["speakers.db"]


def test_a_log_that_was_not_merged_is_read(tmp_path: Path) -> None:
    path = fill(tmp_path / "speakers.db")
    writer = sqlite3.connect(path)
    try:
        add_speaker(writer, 8, "Carol")
        writer.commit()  # into speakers.db-wal
        people, _ = read_speakers(path)
    finally:
        writer.close()
    assert "Carol" in [person.name for person in people]


@pytest.mark.parametrize(
    "named", ["/app/data/recordings/talk.wav", "recordings/talk.wav", "talk.wav", r"C:\speakers\data\recordings\talk.wav"]
)
def test_recordings_are_found_by_the_end_of_their_path(tmp_path: Path, named: str) -> None:
    (tmp_path / "recordings").mkdir()
    for path in ("recordings/talk.wav", "talk.wav"):
        (tmp_path / path).touch()
    expected = "talk.wav" if named == "talk.wav" else "recordings/talk.wav"
    assert find(named, tmp_path) == tmp_path / expected


def test_a_path_does_not_leave_the_directory(tmp_path: Path) -> None:
    inside, secret = tmp_path / "data", tmp_path / "secret.wav"
    inside.mkdir()
    secret.touch()
    (inside / "link.wav").symlink_to(secret)
    (inside / "circle.wav").symlink_to(inside / "circle.wav")
    for named in ("../secret.wav", str(secret), "link.wav", "circle.wav", ".", "", None, "a\0b", "x" * 5000, "/dev/zero"):
        assert find(named, inside) is None
