"""Backups made by the application."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, func
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import Base


class Backup(Base):
    """A file of speakers and of who speaks in which segment: a profile, or one of its checkpoints."""

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
    """JSON, in the format of `pipeline.formats.profile_file`."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
