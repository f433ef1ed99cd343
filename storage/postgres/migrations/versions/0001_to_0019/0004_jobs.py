"""Durable jobs: work on recordings continues after the process that runs it ends."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision = "0003"

OPEN = sa.text("state IN ('queued', 'running')")


def upgrade() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("conversation_id", sa.Integer(), nullable=False),
        sa.Column("options", JSONB(), nullable=False),
        sa.Column("duration", sa.Double(), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'queued'"), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("worker", sa.Text()),
        sa.Column("lease_until", sa.DateTime(timezone=True)),
        sa.Column("cancel_requested", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("error", sa.Text()),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("due", sa.DateTime(timezone=True), nullable=False),
        sa.Column("run_after", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.Column("webhook_url", sa.Text()),
        sa.Column("webhook_at", sa.DateTime(timezone=True)),
        sa.Column("webhook_attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint("state IN ('queued', 'running', 'completed', 'failed', 'cancelled')", name="ck_jobs_state"),
        sa.CheckConstraint("(state = 'running') = (num_nulls(worker, lease_until) = 0)", name="ck_jobs_lease"),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversations.id"], name="fk_jobs_conversation_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
    )
    op.create_index("ix_jobs_conversation_id", "jobs", ["conversation_id"])
    op.create_index("ix_jobs_open", "jobs", ["due", "id"], postgresql_where=OPEN)
    op.create_index("ix_jobs_in_work", "jobs", ["conversation_id"], unique=True, postgresql_where=OPEN)
    op.create_index("ix_jobs_webhook", "jobs", ["webhook_at"], postgresql_where=sa.text("webhook_at IS NOT NULL"))
    op.create_table(
        "job_stages",
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_job_stages_job_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "stage", name="pk_job_stages"),
    )
    # Recordings that were in work when there were no jobs yet.
    op.execute(
        "INSERT INTO jobs (conversation_id, options, duration, due) SELECT id, '{}', coalesce(duration, 0), now() "
        "FROM conversations WHERE status = 'processing' AND audio_key IS NOT NULL"
    )
