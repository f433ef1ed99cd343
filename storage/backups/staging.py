"""Staging tables of a restore: the entries of a file as typed rows, in temporary tables that end with the transaction."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, Connection, false, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from pipeline.types import Vector
from storage.tables import Base


class Staging(DeclarativeBase):
    type_annotation_map: ClassVar = Base.type_annotation_map
    __table_args__ = {"prefixes": ["TEMPORARY"], "postgresql_on_commit": "DROP"}  # noqa: RUF012  # as SQLAlchemy declares it


class StagedSpeaker(Staging):
    __tablename__ = "staged_speakers"

    file_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    id: Mapped[int | None]
    """The speaker that it becomes here."""
    name: Mapped[str]
    emotion_threshold: Mapped[float | None]
    created_at: Mapped[datetime | None]
    updated_at: Mapped[datetime | None]
    states_differences: Mapped[bool]
    """The file has the list of different speakers."""


class StagedDifference(Staging):
    """A speaker of the file that a person marked as different from another one."""

    __tablename__ = "staged_differences"

    file_speaker_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    other_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """In the file, where it may be missing."""


class StagedVoiceprint(Staging):
    """A reference of a speaker that comes from no participant."""

    __tablename__ = "staged_voiceprints"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """Counts the references in the file's order."""
    file_speaker_id: Mapped[int]
    vector: Mapped[Vector]
    model: Mapped[str]
    source: Mapped[str]
    created_at: Mapped[datetime | None]
    speech_seconds: Mapped[float | None]


class StagedProfile(Staging):
    """An emotion profile of a speaker."""

    __tablename__ = "staged_profiles"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """Counts the profiles in the file's order."""
    file_speaker_id: Mapped[int]
    emotion_category: Mapped[str]
    vector: Mapped[Vector]
    model: Mapped[str]
    sample_count: Mapped[int]
    confidence_threshold: Mapped[float | None]
    voice_vector: Mapped[Vector | None]
    voice_model: Mapped[str]
    voice_sample_count: Mapped[int]
    voice_threshold: Mapped[float | None]
    imported_vector: Mapped[Vector | None]
    imported_count: Mapped[int]
    imported_voice_vector: Mapped[Vector | None]
    imported_voice_count: Mapped[int]
    created_at: Mapped[datetime | None]
    updated_at: Mapped[datetime | None]


class StagedParticipant(Staging):
    __tablename__ = "staged_participants"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    conversation_id: Mapped[int | None] = mapped_column(index=True)
    """The conversation here with the uuid of the file's; null if there is none."""
    label: Mapped[str]
    speaker_id: Mapped[int | None]
    """In the file."""
    speaker: Mapped[int | None]
    """The speaker here."""
    confidence: Mapped[float | None]
    enrolled: Mapped[bool]
    speech: Mapped[float]
    vector: Mapped[Vector | None]
    model: Mapped[str | None]
    live: Mapped[bool] = mapped_column(server_default=false())
    """Its conversation was not processed again, so that participants and segments have the ids of the file."""


class StagedSegment(Staging):
    __tablename__ = "staged_segments"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """Counts the segments in the file's order; hostile files repeat ids."""
    id: Mapped[int] = mapped_column(BigInteger, index=True)
    conversation_id: Mapped[int | None]
    """The conversation here; null if there is none."""
    conversation_uuid: Mapped[UUID | None]
    """Null in files of the reference system, which has no uuids."""
    participant_id: Mapped[int | None]
    speaker_id: Mapped[int | None]
    """In the file."""
    speaker_name: Mapped[str | None]
    speaker: Mapped[int | None]
    """The speaker here."""
    by_name: Mapped[bool] = mapped_column(server_default=false())
    """The speaker was found by name."""
    start_offset: Mapped[float]
    end_offset: Mapped[float]
    confidence: Mapped[float | None]
    is_misidentified: Mapped[bool]
    emotion_category: Mapped[str | None]
    emotion_confidence: Mapped[float | None]
    emotion_corrected: Mapped[bool]
    emotion_corrected_at: Mapped[datetime | None]
    emotion_misidentified: Mapped[bool]
    emotion_learned: Mapped[bool]
    emotion_vector: Mapped[Vector | None]
    emotion_model: Mapped[str | None]
    voice_vector: Mapped[Vector | None]
    voice_model: Mapped[str | None]
    live_id: Mapped[int | None] = mapped_column(BigInteger)
    """The segment here; null if there is none."""
    unchanged: Mapped[bool] = mapped_column(server_default=false())
    """It is the same row here, not another at the same place."""


def create(connection: Connection) -> None:
    Staging.metadata.create_all(connection, checkfirst=False)


ANALYZE = text(f"ANALYZE {', '.join(Staging.metadata.tables)}")
