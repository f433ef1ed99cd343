"""Speakers, their reference vectors, and the changes that were made to them."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Computed,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    Sequence,
    Table,
    Text,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from pipeline.types import Vector
from storage.tables.base import Base, fraction
from storage.tables.names import KEY

unknown_speaker_number = Sequence("unknown_speaker_number", metadata=Base.metadata)
"""Numbers `Unknown_01`, `Unknown_02`, …; none is used twice, not even after its speaker was deleted."""


class Speaker(Base):
    """A person with a lasting name."""

    __tablename__ = "speakers"
    __table_args__ = (CheckConstraint("name <> ''", name="name"), fraction("emotion_threshold"))

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    name_key: Mapped[str] = mapped_column(Computed(KEY, persisted=True), unique=True)
    """No two speakers have one name (`pipeline.names`)."""
    emotion_threshold: Mapped[float | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())


class VoiceRow(Base):
    """Whose voice the participants that refer to it have. Each speaker has the voice of its own id.

    The voices of a speaker that is merged into another one become that one's, and its participants stay as they are: a merge
    changes one row, not one for each conversation. A trigger of `speakers` adds the voice of a new speaker. Where the id of a
    speaker that was merged is used again, it gives the participants of its voice to the speaker that they have by then.
    """

    __tablename__ = "voices"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    speaker_id: Mapped[int] = mapped_column(ForeignKey("speakers.id", ondelete="CASCADE"), index=True)


class DistinctSpeakers(Base):
    """Two speakers that a person marked as different people; they are neither suggested nor merged automatically."""

    __tablename__ = "distinct_speakers"
    __table_args__ = (CheckConstraint("lower_id < higher_id", name="order"),)

    lower_id: Mapped[int] = mapped_column(ForeignKey("speakers.id", ondelete="CASCADE"), primary_key=True)
    higher_id: Mapped[int] = mapped_column(ForeignKey("speakers.id", ondelete="CASCADE"), primary_key=True, index=True)


class VoiceprintRow(Base):
    """A reference vector of a speaker that does not come from a participant: an enrolled or imported sample."""

    __tablename__ = "voiceprints"

    id: Mapped[int] = mapped_column(primary_key=True)
    speaker_id: Mapped[int] = mapped_column(ForeignKey("speakers.id", ondelete="CASCADE"), index=True)
    vector: Mapped[Vector]
    model: Mapped[str]
    source: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    speech_seconds: Mapped[float | None]
    """Of clear speech that the vector was computed from; None where that is not known."""


REFERENCE_CHANGES = Table(
    "reference_changes",
    Base.metadata,
    Column("kind", Text, nullable=False, doc="The name of the table."),
    Column("reference_id", Integer, nullable=False),
    Column("xact", BigInteger, nullable=False, index=True, doc="`pg_current_xact_id`, which never wraps around."),
    Column("changed_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index("ix_reference_changes_changed_at", "changed_at", postgresql_using="brin"),
)
"""A log of the transactions that changed rows that may be reference vectors; triggers on the tables write it.

`storage.speakers.references` updates its matrix from these entries, and deletes old ones.
"""


class IdentityChange(Base):
    """A change of speakers or participants, with the state that undoing it restores."""

    __tablename__ = "identity_changes"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    description: Mapped[str]
    before: Mapped[dict[str, Any]] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    undone_at: Mapped[datetime | None]


class VoiceSetting(Base):
    """A voice setting that was changed at run time. Settings without a row have their defaults."""

    __tablename__ = "voice_settings"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[Any] = mapped_column(JSONB(none_as_null=True), nullable=False)
