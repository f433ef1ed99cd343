"""Conversations, their participants and their segments.

A participant is one voice in one conversation. Only `participants.speaker_id` stores which speaker it is.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Computed,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Numeric,
    SmallInteger,
    Text,
    UniqueConstraint,
    false,
    func,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB, REAL, TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from pipeline.decoding import Decoding
from pipeline.types import Note, Vector, Word
from storage.tables.base import Base, all_or_none, fraction
from storage.tables.decoding import StoredDecoding
from storage.tables.notes import Notes
from storage.tables.search import LEXEMES
from storage.tables.words import Words

STATUSES = ("recording", "processing", "completed", "failed")
VISIBILITIES = ("private", "shared", "everyone")


class Conversation(Base):
    __tablename__ = "conversations"
    __table_args__ = (
        CheckConstraint(f"status IN {STATUSES}", name="status"),
        CheckConstraint("duration >= 0", name="duration"),
        CheckConstraint(f"visibility IN {VISIBILITIES}", name="visibility"),
        fraction("progress"),
        Index("ix_conversations_newest", text("start_time DESC"), text("id DESC")),
        Index("ix_conversations_unfinished", "status", postgresql_where=text("status IN ('recording', 'processing')")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str | None]
    start_time: Mapped[datetime]
    end_time: Mapped[datetime | None]
    duration: Mapped[float | None]
    """Seconds."""
    status: Mapped[str]
    audio_format: Mapped[str]
    audio_key: Mapped[str | None]
    audio_removed_at: Mapped[datetime | None]
    """When the recording was removed because of its age."""
    language: Mapped[str | None]
    """The main one."""
    languages: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    """Those of its segments, the most spoken first; set when the conversation is completed."""
    stage: Mapped[str | None]
    progress: Mapped[float] = mapped_column(REAL, server_default=text("0"))
    error: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    notes: Mapped[tuple[Note, ...]] = mapped_column(Notes, server_default=text("'[]'"))
    uuid: Mapped[UUID] = mapped_column(unique=True, server_default=func.gen_random_uuid())
    """Identifies the conversation in backups: ids differ between databases."""
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("people.id", ondelete="SET NULL"), index=True)
    visibility: Mapped[str] = mapped_column(server_default="everyone")
    """Who sees it beside its owner and the administrators."""
    resume_token_hash: Mapped[bytes | None]
    """SHA-256 of the token with which a client resumes a live recording; null where it cannot be resumed, or is finished."""
    live_decoding: Mapped[Decoding | None] = mapped_column(StoredDecoding)
    """How a live recording is transcribed until it is finished, also when its client is gone."""


class ParticipantRow(Base):
    """One voice in one conversation. `confidence` is the similarity to the speaker it was matched to, null for a new one.

    Its vector is a reference of its speaker unless `enrolled` is false.
    """

    __tablename__ = "participants"
    __table_args__ = (
        UniqueConstraint("conversation_id", "label"),
        UniqueConstraint("id", "conversation_id"),
        CheckConstraint("speech >= 0", name="speech"),
        all_or_none("vector_model", "vector", "model"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"))
    label: Mapped[str]
    speaker_id: Mapped[int | None] = mapped_column(ForeignKey("speakers.id", ondelete="SET NULL"), index=True)
    confidence: Mapped[float | None]
    vector: Mapped[Vector | None]
    model: Mapped[str | None]
    speech_seconds: Mapped[float] = mapped_column("speech", server_default=text("0"))
    enrolled: Mapped[bool] = mapped_column(server_default=true())


def _of_participant() -> ForeignKeyConstraint:
    """Both columns, so that no row can refer to a participant of another conversation."""
    columns = ["participant_id", "conversation_id"]
    return ForeignKeyConstraint(columns, ["participants.id", "participants.conversation_id"], ondelete="CASCADE")


class SegmentRow(Base):
    """A segment of a transcript. Offsets are seconds. Where `confidence` is null the participant's applies."""

    __tablename__ = "segments"
    __table_args__ = (
        _of_participant(),
        UniqueConstraint("conversation_id", "position"),
        Index(None, "lexemes", postgresql_using="gin"),
        CheckConstraint("start_offset >= 0 AND end_offset >= start_offset", name="offsets"),
        fraction("emotion_confidence"),
        all_or_none("emotion_vector_model", "emotion_vector", "emotion_model"),
        all_or_none("voice_vector_model", "voice_vector", "voice_model"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    conversation_id: Mapped[int]
    participant_id: Mapped[int] = mapped_column(index=True)
    position: Mapped[Decimal] = mapped_column(Numeric)
    """The order; a segment that was split has one between those of its neighbours."""
    start_offset: Mapped[float]
    end_offset: Mapped[float]
    text: Mapped[str]
    words: Mapped[tuple[Word, ...] | None] = mapped_column(Words)
    originals: Mapped[list[int] | None] = mapped_column(ARRAY(BigInteger))
    """The `OriginalSegment`s that it was made of; null where it is as the program wrote it."""
    edited_at: Mapped[datetime | None]
    avg_logprob: Mapped[float | None]
    confidence: Mapped[float | None]
    overlap: Mapped[bool] = mapped_column(server_default=false())
    channel: Mapped[int | None] = mapped_column(SmallInteger)
    language: Mapped[str | None]
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
    """Whether the speaker's profile includes the segment, where its emotion was corrected."""
    detector_breakdown: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    voice_vector: Mapped[Vector | None]
    voice_model: Mapped[str | None]
    lexemes: Mapped[Any] = mapped_column(TSVECTOR, Computed(LEXEMES, persisted=True), deferred=True)


class TurnRow(Base):
    """A turn of the diarizer, overlaps included: what an RTTM file lists. Times are seconds."""

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


class LabelRow(Base):
    """The true speaker of a segment according to a listener. Evaluation reads it; the transcript does not."""

    __tablename__ = "labels"
    __table_args__ = (CheckConstraint("speaker_name <> ''", name="speaker_name"),)

    segment_id: Mapped[int] = mapped_column(ForeignKey("segments.id", ondelete="CASCADE"), primary_key=True)
    speaker_name: Mapped[str]
    labeled_by: Mapped[str | None]
    notes: Mapped[str | None]
    labeled_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())
