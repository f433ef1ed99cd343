"""SQLite files as the two versions of the reference system write them: their tables, with rows of a test."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.storage.transcripts import voice

SPEAKERS = """
CREATE TABLE speakers (id INTEGER NOT NULL, name VARCHAR NOT NULL, embedding BLOB NOT NULL, created_at DATETIME,
 updated_at DATETIME, {0}PRIMARY KEY (id));
CREATE UNIQUE INDEX ix_speakers_name ON speakers (name);
"""
PROFILES = """
CREATE TABLE speaker_emotion_profiles (id INTEGER NOT NULL, speaker_id INTEGER NOT NULL, emotion_category VARCHAR NOT NULL,
 embedding BLOB NOT NULL, sample_count INTEGER, confidence_threshold FLOAT, voice_embedding BLOB, voice_sample_count INTEGER,
 voice_threshold FLOAT, created_at DATETIME, updated_at DATETIME, PRIMARY KEY (id),
 CONSTRAINT _speaker_emotion_uc UNIQUE (speaker_id, emotion_category),
 FOREIGN KEY(speaker_id) REFERENCES speakers (id) ON DELETE CASCADE);
"""
CONVERSATIONS = """
CREATE TABLE conversations (id INTEGER NOT NULL, {0}title VARCHAR, start_time DATETIME NOT NULL, end_time DATETIME,
 duration FLOAT, status VARCHAR, audio_path VARCHAR, audio_format VARCHAR, num_segments INTEGER, num_speakers INTEGER,
 created_at DATETIME, PRIMARY KEY (id));
"""
SEGMENTS = """
CREATE TABLE conversation_segments (id INTEGER NOT NULL, {0}conversation_id INTEGER NOT NULL, speaker_id INTEGER,
 speaker_name VARCHAR, text TEXT, start_time DATETIME NOT NULL, end_time DATETIME NOT NULL, start_offset FLOAT NOT NULL,
 end_offset FLOAT NOT NULL, segment_audio_path VARCHAR, confidence FLOAT, words_data TEXT, avg_logprob FLOAT,
 processed_at DATETIME, is_misidentified BOOLEAN NOT NULL, {1}PRIMARY KEY (id),
 FOREIGN KEY(conversation_id) REFERENCES conversations (id));
"""
EMOTIONS = """emotion_category VARCHAR, emotion_confidence FLOAT, emotion_corrected BOOLEAN NOT NULL,
 emotion_corrected_at DATETIME, emotion_misidentified BOOLEAN NOT NULL, detector_breakdown TEXT, speaker_embedding BLOB,
 emotion_embedding BLOB, """
LABELS = """
CREATE TABLE ground_truth_labels (id INTEGER NOT NULL, segment_id INTEGER NOT NULL, true_speaker_name VARCHAR NOT NULL,
 labeled_by VARCHAR, labeled_at DATETIME, notes TEXT, PRIMARY KEY (id));
"""
UUID = "6f1c0e0a-0000-4000-8000-000000000020"
WORDS = [
    {"word": " Good", "start": 0.1, "end": 0.4, "probability": 0.9},
    {"word": " morning.", "start": 0.4, "end": 0.9, "probability": 0.8},
]
BREAKDOWN = {
    "emotion2vec_detector": {"emotion": "happy", "confidence": 0.7},
    "voice_profile_detector": None,
    "final_decision": {"emotion": "happy", "confidence": 0.7, "reason": "No profiles", "voice_profile_available": False},
}


@contextmanager
def legacy_database(path: Path, version: int = 2) -> Iterator[sqlite3.Connection]:
    """A new file with empty tables; what the block writes is committed. Version 1 is the first one, without emotions."""
    connection = sqlite3.connect(path)
    if version == 2:
        connection.execute("PRAGMA journal_mode=WAL")
        uuid = "snapshot_uuid VARCHAR NOT NULL, "
        connection.executescript(SPEAKERS.format("emotion_threshold FLOAT, ") + PROFILES)
        connection.executescript(CONVERSATIONS.format(uuid) + SEGMENTS.format(uuid, EMOTIONS))
    else:
        connection.executescript(SPEAKERS.format("") + CONVERSATIONS.format("") + SEGMENTS.format("", "") + LABELS)
    yield connection
    connection.commit()
    connection.close()


def add(connection: sqlite3.Connection, table: str, **values: Any) -> None:
    columns, marks = ", ".join(values), ", ".join("?" * len(values))
    connection.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", tuple(values.values()))


def add_speaker(connection: sqlite3.Connection, id_: int, name: Any, embedding: Any = None) -> None:
    vector = voice(id_, 512).tobytes() if embedding is None else embedding
    at = "2025-11-09 16:00:00.000000"
    add(connection, "speakers", id=id_, name=name, embedding=vector, created_at=at, updated_at=at)


def add_conversation(connection: sqlite3.Connection, id_: int, **changes: Any) -> None:
    values: dict[str, Any] = {
        "title": "Standup",
        "start_time": "2025-11-09 16:02:30.123456",
        "end_time": "2025-11-09 16:02:36.123456",
        "duration": 6.0,
        "status": "completed",
        "audio_path": f"/app/data/recordings/conv_{id_}_full.wav",
        "audio_format": "wav",
        "num_segments": 2,
        "num_speakers": 2,
        "created_at": "2025-11-09 16:02:30.123456",
    }
    add(connection, "conversations", id=id_, **(values | changes))


def add_segment(connection: sqlite3.Connection, id_: int, conversation: int, start: Any, end: Any, **changes: Any) -> None:
    values: dict[str, Any] = {
        "speaker_name": "Alice",
        "text": "Good morning.",
        "start_time": "2025-11-09 16:02:30.123456",
        "end_time": "2025-11-09 16:02:33.123456",
        "confidence": 0.62,
        "words_data": json.dumps(WORDS),
        "avg_logprob": -0.3,
        "is_misidentified": 0,
    }
    if any(row[1] == "emotion_corrected" for row in connection.execute("PRAGMA table_info(conversation_segments)")):
        values |= {"emotion_corrected": 0, "emotion_misidentified": 0, "snapshot_uuid": str(id_)}
    values |= {"id": id_, "conversation_id": conversation, "start_offset": start, "end_offset": end}
    add(connection, "conversation_segments", **(values | changes))


def fill(path: Path, version: int = 2) -> Path:
    """Two conversations: one of Alice and an unknown voice with a recording, and one that was being recorded, without."""
    with legacy_database(path, version) as to:
        add_speaker(to, 3, "Alice")
        add_speaker(to, 5, "Unknown_1731168150123456")
        add_conversation(to, 7, **({"snapshot_uuid": UUID} if version == 2 else {}))
        add_conversation(to, 9, title=None, status="recording", duration=None, audio_path=None, **_uuid(version, 9))
        felt = {
            "emotion_category": "<unk>",
            "emotion_confidence": 0.7,
            "detector_breakdown": json.dumps(BREAKDOWN),
            "emotion_embedding": voice(4, 1024).tobytes(),
        }
        add_segment(to, 21, 7, 0.0, 3.0, speaker_id=3, **(felt if version == 2 else {}))
        add_segment(to, 22, 7, 3.0, 6.0, speaker_id=5, speaker_name="Unknown_1731168150123456", text="Hello.")
        add_segment(to, 23, 9, 0.0, 1.0, speaker_name="Unknown_01", text=None, words_data=None)
        if version == 1:
            add(to, "ground_truth_labels", id=1, segment_id=22, true_speaker_name="Bob", labeled_by="user")
        else:
            add_profile(to, 1, 3)
    return path


def add_profile(connection: sqlite3.Connection, id_: int, speaker: int, **changes: Any) -> None:
    values: dict[str, Any] = {
        "emotion_category": "angry",
        "embedding": voice(20, 1024).tobytes(),
        "sample_count": 4,
        "voice_embedding": voice(21, 512).tobytes(),
        "voice_sample_count": 3,
        "voice_threshold": 0.4,
    }
    add(connection, "speaker_emotion_profiles", id=id_, speaker_id=speaker, **(values | changes))


def _uuid(version: int, id_: int) -> dict[str, str]:
    return {"snapshot_uuid": f"{UUID[:-2]}{id_:02d}"} if version == 2 else {}
