"""Speakers, their reference vectors, and the changes that were made to them."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Computed, ForeignKey, Sequence, func
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


class VoiceprintRow(Base):
    """A reference vector of a speaker that does not come from a participant: an enrolled or imported sample."""

    __tablename__ = "voiceprints"

    id: Mapped[int] = mapped_column(primary_key=True)
    speaker_id: Mapped[int] = mapped_column(ForeignKey("speakers.id", ondelete="CASCADE"), index=True)
    vector: Mapped[Vector]
    model: Mapped[str]
    source: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ReferenceChange(Base):
    """The transaction that last changed a row that may be a reference vector; triggers on the tables write it.

    The entry stays when the row is deleted. `storage.speakers.references` updates its matrix from these entries.
    """

    __tablename__ = "reference_changes"

    kind: Mapped[str] = mapped_column(primary_key=True)
    """The name of the table."""
    reference_id: Mapped[int] = mapped_column(primary_key=True)
    xact: Mapped[int] = mapped_column(BigInteger, index=True)
    """`pg_current_xact_id`, which never wraps around."""


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
