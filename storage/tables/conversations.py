"""Conversations, their participants and their segments.

A participant is one voice in one conversation. Only its voice, a `VoiceRow`, stores which speaker it is.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    ColumnElement,
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
    select,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB, REAL, TSVECTOR
from sqlalchemy.orm import Mapped, column_property, mapped_column

from pipeline.decoding import Decoding
from pipeline.types import Note, Vector, Word
from storage.tables.base import Base, all_or_none, fraction
from storage.tables.decoding import StoredDecoding
from storage.tables.names import KEY, key_sql
from storage.tables.notes import Notes
from storage.tables.search import LEXEMES
from storage.tables.speakers import VoiceRow
from storage.tables.words import Words

STATUSES = ("recording", "processing", "completed", "failed")
VISIBILITIES = ("private", "shared", "everyone")
TITLE_SOURCES = ("person", "default", "program")


class Conversation(Base):
    __tablename__ = "conversations"
    __table_args__ = (
        CheckConstraint(f"status IN {STATUSES}", name="status"),
        CheckConstraint("duration >= 0", name="duration"),
        CheckConstraint(f"visibility IN {VISIBILITIES}", name="visibility"),
        CheckConstraint(f"title_source IN {TITLE_SOURCES}", name="title_source"),
        fraction("progress"),
        Index("ix_conversations_newest", text("start_time DESC"), text("id DESC")),
        Index("ix_conversations_unfinished", "status", postgresql_where=text("status IN ('recording', 'processing')")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str | None]
    title_key: Mapped[str | None] = mapped_column(Computed(key_sql("title"), persisted=True), deferred=True)
    """The title as filters compare it."""
    title_source: Mapped[str] = mapped_column(server_default="person")
    """Who wrote the title. `default`: it is the name of the file or the time, or there is none. `program`: it says what it is
    about; a trigger changes its names when speakers are renamed."""
    file_name: Mapped[str | None]
    """Of an upload."""
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
    hotwords: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    """Those that the transcriber has read."""


class ConversationTag(Base):
    """A tag of a conversation, as it was spelled there. Two spellings with one key are one tag (`pipeline.names`)."""

    __tablename__ = "conversation_tags"
    __table_args__ = (CheckConstraint("name <> ''", name="name"), Index(None, "name_key", "conversation_id"))

    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str]
    name_key: Mapped[str] = mapped_column(Computed(KEY, persisted=True), primary_key=True)


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
    # The name is from when the column held the speaker; the id of a speaker is that of its voice.
    voice_id: Mapped[int | None] = mapped_column("speaker_id", ForeignKey("voices.id", ondelete="SET NULL"), index=True)
    confidence: Mapped[float | None]
    vector: Mapped[Vector | None]
    model: Mapped[str | None]
    speech_seconds: Mapped[float] = mapped_column("speech", server_default=text("0"))
    enrolled: Mapped[bool] = mapped_column(server_default=true())
    speaker_id: Mapped[int | None] = column_property(
        select(VoiceRow.speaker_id).where(VoiceRow.id == voice_id).correlate_except(VoiceRow).label("speaker_id")
    )
    """To read. `spoken_by` finds the participants of a speaker with an index."""


def spoken_by(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Participants whose `VoiceRow` meets the condition, such as `VoiceRow.speaker_id == speaker_id`."""
    return ParticipantRow.voice_id.in_(select(VoiceRow.id).where(condition).correlate_except(VoiceRow))


def _of_participant() -> ForeignKeyConstraint:
    """Both columns, so that no row can refer to a participant of another conversation."""
    columns = ["participant_id", "conversation_id"]
    return ForeignKeyConstraint(columns, ["participants.id", "participants.conversation_id"], ondelete="CASCADE")


class SegmentRow(Base):
    """A segment of a transcript. Offsets are seconds. Where `confidence` is null the participant's applies."""

    __tablename__ = "segments"
    __table_args__ = (
        _of_participant(),
        # With what lists of conversations read of each segment: rows are wide.
        UniqueConstraint("conversation_id", "position", postgresql_include=["participant_id", "start_offset", "end_offset"]),
        Index(None, "lexemes", postgresql_using="gin"),
        # Searches read ids from these two.
        Index(None, "participant_id", postgresql_include=["emotion_category", "id"]),
        Index(None, "emotion_category", "conversation_id", postgresql_include=["id"]),
        CheckConstraint("start_offset >= 0 AND end_offset >= start_offset", name="offsets"),
        fraction("emotion_confidence"),
        all_or_none("emotion_vector_model", "emotion_vector", "emotion_model"),
        all_or_none("voice_vector_model", "voice_vector", "voice_model"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    conversation_id: Mapped[int]
    participant_id: Mapped[int]
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
    activation: Mapped[float | None]
    """-1 to 1, as valence: how excited and how pleasant the speaker sounds; null where no emotion was detected."""
    valence: Mapped[float | None]
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
