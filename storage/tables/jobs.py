"""Jobs: work on recordings, and the results of the stages that are done."""

from datetime import datetime
from typing import Any, Literal, get_args

from sqlalchemy import CheckConstraint, ForeignKey, Index, false, func, text
from sqlalchemy.dialects.postgresql import JSONB, REAL
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import Base

JOB_STATES = ("queued", "running", "completed", "failed", "cancelled")

JobKind = Literal["recording", "summary"]
"""`recording`: its transcript is made. `summary`: a language model summarises the transcript."""
JOB_KINDS: tuple[JobKind, ...] = get_args(JobKind)

_OPEN = text("state IN ('queued', 'running')")
_IN_WORK = text("kind = 'recording' AND state IN ('queued', 'running')")
_SUMMARY_QUEUED = text("kind = 'summary' AND state = 'queued'")


class JobRow(Base):
    """Accepted work on a conversation, and the worker that holds it; `storage.jobs.jobs` claims and finishes it."""

    __tablename__ = "jobs"
    __table_args__ = (
        CheckConstraint(f"state IN {JOB_STATES}", name="state"),
        CheckConstraint("(state = 'running') = (num_nulls(worker, lease_until) = 0)", name="lease"),
        Index("ix_jobs_open", "due", "id", postgresql_where=_OPEN),
        CheckConstraint(f"kind IN {JOB_KINDS}", name="kind"),
        Index("ix_jobs_in_work", "conversation_id", unique=True, postgresql_where=_IN_WORK),
        Index("ix_jobs_summary_queued", "conversation_id", unique=True, postgresql_where=_SUMMARY_QUEUED),
        Index("ix_jobs_webhook", "webhook_at", postgresql_where=text("webhook_at IS NOT NULL")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(server_default="recording")
    options: Mapped[dict[str, Any]] = mapped_column(JSONB)
    duration: Mapped[float]
    """Of the recording, in seconds."""
    state: Mapped[str] = mapped_column(server_default="queued")
    stage: Mapped[str | None]
    """Of another kind than `recording`, whose stage and progress are with the conversation; so is `progress`."""
    progress: Mapped[float] = mapped_column(REAL, server_default=text("0"))
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    """Counted at the claim, so that an attempt which kills its worker counts, too."""
    worker: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    cancel_requested: Mapped[bool] = mapped_column(server_default=false())
    error: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    started_at: Mapped[datetime | None]
    """When the last attempt began."""
    due: Mapped[datetime]
    """The queue's order: the earliest is claimed first."""
    run_after: Mapped[datetime] = mapped_column(server_default=func.now())
    finished_at: Mapped[datetime | None]
    webhook_url: Mapped[str | None]
    webhook_at: Mapped[datetime | None]
    """When the next delivery is due; null where none is."""
    webhook_attempts: Mapped[int] = mapped_column(server_default=text("0"))


class JobStageRow(Base):
    """The result of a stage of an unfinished job; another attempt continues from it."""

    __tablename__ = "job_stages"

    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    stage: Mapped[str] = mapped_column(primary_key=True)
    result: Mapped[str]
    """Written and read by `pipeline.checkpoint`."""
