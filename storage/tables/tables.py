"""The tables. A participant is one voice in one conversation; who that is stands in one place, `participants.speaker_id`."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Computed,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    MetaData,
    Sequence,
    Text,
    UniqueConstraint,
    false,
    func,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import DOUBLE_PRECISION, JSONB, REAL, TSVECTOR
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from pipeline.types import Vector
from storage.postgres.vectors import Embedding

STATUSES = ("recording", "processing", "completed", "failed")

NAMING = {
    "pk": "pk_%(table_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
}


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        str: Text(),
        float: DOUBLE_PRECISION(),
        datetime: DateTime(timezone=True),
        Vector: Embedding(),
    }


unknown_speaker_number = Sequence("unknown_speaker_number", metadata=Base.metadata)
"""Numbers `Unknown_01`, `Unknown_02`, …; none is used twice, not even after its speaker was deleted."""


def _together(name: str, *columns: str) -> CheckConstraint:
    """All of `columns` are given or none: a vector without its model's name means nothing."""
    return CheckConstraint(f"num_nulls({', '.join(columns)}) IN (0, {len(columns)})", name=name)


def _fraction(column: str) -> CheckConstraint:
    return CheckConstraint(f"{column} BETWEEN 0 AND 1", name=column)


class Speaker(Base):
    """Somebody with a lasting name."""

    __tablename__ = "speakers"
    __table_args__ = (CheckConstraint("name <> ''", name="name"), _fraction("emotion_threshold"))

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    emotion_threshold: Mapped[float | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())


class VoiceprintRow(Base):
    """A reference vector of a speaker that comes from no participant: an enrolled or imported sample."""

    __tablename__ = "voiceprints"

    id: Mapped[int] = mapped_column(primary_key=True)
    speaker_id: Mapped[int] = mapped_column(ForeignKey("speakers.id", ondelete="CASCADE"), index=True)
    vector: Mapped[Vector]
    model: Mapped[str]
    source: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Conversation(Base):
    __tablename__ = "conversations"
    __table_args__ = (
        CheckConstraint(f"status IN {STATUSES}", name="status"),
        CheckConstraint("duration >= 0", name="duration"),
        _fraction("progress"),
        Index("ix_conversations_newest", text("start_time DESC"), text("id DESC")),
        Index("ix_conversations_unfinished", "status", postgresql_where=text("status IN ('recording', 'processing')")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str | None]
    start_time: Mapped[datetime]
    end_time: Mapped[datetime | None]
    duration: Mapped[float | None]
    status: Mapped[str]
    audio_format: Mapped[str]
    audio_key: Mapped[str | None]
    language: Mapped[str | None]
    stage: Mapped[str | None]
    progress: Mapped[float] = mapped_column(REAL, server_default=text("0"))
    error: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    uuid: Mapped[UUID] = mapped_column(unique=True, server_default=func.gen_random_uuid())
    """What a backup knows it by: ids begin anew in another database."""


class ParticipantRow(Base):
    """One voice in one conversation. `confidence` is the similarity to the speaker it was matched to, null for a new one.

    Its vector is a reference of its speaker unless `enrolled` is false.
    """

    __tablename__ = "participants"
    __table_args__ = (
        UniqueConstraint("conversation_id", "label"),
        UniqueConstraint("id", "conversation_id"),
        CheckConstraint("speech >= 0", name="speech"),
        _together("vector_model", "vector", "model"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"))
    label: Mapped[str]
    speaker_id: Mapped[int | None] = mapped_column(ForeignKey("speakers.id", ondelete="SET NULL"), index=True)
    confidence: Mapped[float | None]
    vector: Mapped[Vector | None]
    model: Mapped[str | None]
    speech: Mapped[float] = mapped_column(server_default=text("0"))
    enrolled: Mapped[bool] = mapped_column(server_default=true())


def _of_participant() -> ForeignKeyConstraint:
    """Both columns, so that nothing can belong to a participant of another conversation."""
    columns = ["participant_id", "conversation_id"]
    return ForeignKeyConstraint(columns, ["participants.id", "participants.conversation_id"], ondelete="CASCADE")


IDEOGRAPHS = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
"""Kana and Han characters, which are written without spaces between words, as both Python's `re` and PostgreSQL write them."""
SPACED = rf"regexp_replace(text, '([{IDEOGRAPHS}])', ' \1 ', 'g')"
"""The text of a segment with each of them as a word of its own, so that a search finds what stands within a sentence."""


class SegmentRow(Base):
    """A line of a transcript. A null `confidence` means that its participant's holds."""

    __tablename__ = "segments"
    __table_args__ = (
        _of_participant(),
        UniqueConstraint("conversation_id", "position"),
        Index(None, "lexemes", postgresql_using="gin"),
        CheckConstraint("start_offset >= 0 AND end_offset >= start_offset", name="offsets"),
        _fraction("emotion_confidence"),
        _together("emotion_vector_model", "emotion_vector", "emotion_model"),
        _together("voice_vector_model", "voice_vector", "voice_model"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    conversation_id: Mapped[int]
    participant_id: Mapped[int] = mapped_column(index=True)
    position: Mapped[int]
    start_offset: Mapped[float]
    end_offset: Mapped[float]
    text: Mapped[str]
    words: Mapped[list[dict[str, Any]] | None] = mapped_column(JSONB(none_as_null=True))
    avg_logprob: Mapped[float | None]
    confidence: Mapped[float | None]
    overlap: Mapped[bool] = mapped_column(server_default=false())
    is_misidentified: Mapped[bool] = mapped_column(server_default=false())
    emotion_category: Mapped[str | None]
    emotion_confidence: Mapped[float | None]
    emotion_scores: Mapped[dict[str, float] | None] = mapped_column(JSONB(none_as_null=True))
    emotion_vector: Mapped[Vector | None]
    emotion_model: Mapped[str | None]
    emotion_corrected: Mapped[bool] = mapped_column(server_default=false())
    emotion_corrected_at: Mapped[datetime | None]
    emotion_misidentified: Mapped[bool] = mapped_column(server_default=false())
    emotion_learned: Mapped[bool] = mapped_column(server_default=true())
    """Whether the speaker's profile learns from the correction, where there is one."""
    detector_breakdown: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    voice_vector: Mapped[Vector | None]
    voice_model: Mapped[str | None]
    lexemes: Mapped[Any] = mapped_column(
        TSVECTOR, Computed(f"to_tsvector('simple'::regconfig, {SPACED})", persisted=True), deferred=True
    )
    """The words of the text, for `storage.search.search`, which says why they are not reduced to stems."""


class TurnRow(Base):
    """A turn of the diarizer, overlaps included: what an RTTM file lists."""

    __tablename__ = "turns"
    __table_args__ = (
        _of_participant(),
        Index(None, "conversation_id", "start"),
        CheckConstraint('"end" >= start', name="times"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    conversation_id: Mapped[int]
    participant_id: Mapped[int] = mapped_column(index=True)
    start: Mapped[float]
    end: Mapped[float]


class EmotionProfile(Base):
    """How one speaker sounds in one emotion: means over the segments that a person corrected, and over what was imported.

    The `imported_…` columns are the means and numbers of samples that came with a backup and have no segments here.
    """

    __tablename__ = "emotion_profiles"
    __table_args__ = (
        UniqueConstraint("speaker_id", "emotion_category"),
        _together("voice_vector_model", "voice_vector", "voice_model"),
        CheckConstraint("sample_count > 0 AND voice_sample_count >= 0", name="counts"),
        _fraction("confidence_threshold"),
        _fraction("voice_threshold"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    speaker_id: Mapped[int] = mapped_column(ForeignKey("speakers.id", ondelete="CASCADE"))
    emotion_category: Mapped[str]
    vector: Mapped[Vector]
    model: Mapped[str]
    sample_count: Mapped[int] = mapped_column(server_default=text("1"))
    confidence_threshold: Mapped[float | None]
    voice_vector: Mapped[Vector | None]
    voice_model: Mapped[str | None]
    voice_sample_count: Mapped[int] = mapped_column(server_default=text("0"))
    voice_threshold: Mapped[float | None]
    imported_vector: Mapped[Vector | None]
    imported_count: Mapped[int] = mapped_column(server_default=text("0"))
    imported_voice_vector: Mapped[Vector | None]
    imported_voice_count: Mapped[int] = mapped_column(server_default=text("0"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())


class LabelRow(Base):
    """Who truly speaks in a segment, as somebody who listened says; the transcript knows nothing of it."""

    __tablename__ = "labels"
    __table_args__ = (CheckConstraint("speaker_name <> ''", name="speaker_name"),)

    segment_id: Mapped[int] = mapped_column(ForeignKey("segments.id", ondelete="CASCADE"), primary_key=True)
    speaker_name: Mapped[str]
    labeled_by: Mapped[str | None]
    notes: Mapped[str | None]
    labeled_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())


class ReferenceChange(Base):
    """Which row that may be a reference vector was last changed by which transaction; triggers on the tables write it.

    A row stays when its reference is deleted. `storage.speakers.references` keeps its matrix up to date by it.
    """

    __tablename__ = "reference_changes"

    kind: Mapped[str] = mapped_column(primary_key=True)
    """The name of the table."""
    reference_id: Mapped[int] = mapped_column(primary_key=True)
    xact: Mapped[int] = mapped_column(BigInteger, index=True)
    """`pg_current_xact_id`, which never wraps around."""


class VoiceSetting(Base):
    """A voice setting that was changed while the program ran; the others have their defaults."""

    __tablename__ = "voice_settings"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[Any] = mapped_column(JSONB(none_as_null=True), nullable=False)


class IdentityChange(Base):
    """A change of who is who, with what it takes to undo it."""

    __tablename__ = "identity_changes"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    description: Mapped[str]
    before: Mapped[dict[str, Any]] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    undone_at: Mapped[datetime | None]


class Backup(Base):
    """Who is who, as a file: a profile, or one of its checkpoints."""

    __tablename__ = "backups"
    __table_args__ = (CheckConstraint("name <> ''", name="name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    filename: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str] = mapped_column(index=True)
    profile_id: Mapped[int | None] = mapped_column(ForeignKey("backups.id", ondelete="CASCADE"), index=True)
    """The profile that this is a checkpoint of; null for a profile."""
    description: Mapped[str | None]
    speakers_count: Mapped[int]
    segments_count: Mapped[int]
    content: Mapped[str]
    """JSON, in the format that clients exchange."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
