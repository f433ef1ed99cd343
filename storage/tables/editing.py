"""What people changed in transcripts: the segments as they were, and the changes."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from pipeline.types import Word
from storage.tables.base import Base
from storage.tables.words import Words


class OriginalSegment(Base):
    """A segment as the program wrote it, which a person changed or deleted. Offsets are seconds."""

    __tablename__ = "original_segments"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    """That of the segment."""
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"), index=True)
    start_offset: Mapped[float]
    end_offset: Mapped[float]
    text: Mapped[str]
    words: Mapped[tuple[Word, ...] | None] = mapped_column(Words)


class TranscriptChange(Base):
    """A change of the segments of a conversation, with their states before and after it."""

    __tablename__ = "transcript_changes"
    __table_args__ = (Index(None, "conversation_id", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"))
    description: Mapped[str]
    steps: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """Written and read by `storage.editing.steps`."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    undone_at: Mapped[datetime | None]
