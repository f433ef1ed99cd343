"""Summaries that a language model wrote, and the templates of the installation."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import Base


class SummaryRow(Base):
    """The latest summary of a conversation. Names of its participants are stored as references (`pipeline.summary.people`)."""

    __tablename__ = "summaries"

    conversation_id: Mapped[int] = mapped_column(
        ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    job_id: Mapped[int]
    """The job that made it; a job that was queued earlier does not replace it."""
    content: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """A `pipeline.summary.content.Content`."""
    dropped: Mapped[int]
    """Statements that were left out, as they cited nothing that exists."""
    model: Mapped[str]
    prompt_version: Mapped[int]
    template: Mapped[str]
    fingerprint: Mapped[str]
    """Of the texts and names that the model read."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class SummaryTemplate(Base):
    """Instructions that the installation adds to those that are built in."""

    __tablename__ = "summary_templates"

    name: Mapped[str] = mapped_column(primary_key=True)
    instructions: Mapped[str]
