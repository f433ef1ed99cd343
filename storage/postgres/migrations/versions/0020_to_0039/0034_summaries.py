"""Summaries by a language model, their jobs, and titles that the program wrote."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0034"
down_revision = "0033"
widened = ("ix_jobs_in_work", "ix_jobs_summary_queued")  # recordings, all that earlier programs write, are as unique as before

RENAME = """
CREATE FUNCTION rename_in_titles() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE conversations SET title = replace(title, OLD.name, NEW.name)
    WHERE title_source = 'program' AND strpos(title, OLD.name) > 0
        AND id IN (SELECT conversation_id FROM participants WHERE speaker_id = OLD.id);
    RETURN NULL;
END $$
"""
NOTIFY = """
CREATE OR REPLACE FUNCTION notify_update_jobs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM send_changes('job', 'state', ARRAY(
        SELECT DISTINCT n.id FROM new_rows n JOIN old_rows o USING (id)
        WHERE (n.state, n.attempts, n.error, n.cancel_requested, n.stage, n.progress)
            IS DISTINCT FROM (o.state, o.attempts, o.error, o.cancel_requested, o.stage, o.progress)
        ORDER BY n.id
    ));
    RETURN NULL;
END $$
"""
CHANGED = """
CREATE FUNCTION notify_changed_summary() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM send_changes('conversation', 'summary', ARRAY[COALESCE(NEW.conversation_id, OLD.conversation_id)]);
    RETURN NULL;
END $$
"""


def upgrade() -> None:
    op.add_column("jobs", sa.Column("kind", sa.Text(), nullable=False, server_default="recording"))
    op.add_column("jobs", sa.Column("stage", sa.Text()))
    op.add_column("jobs", sa.Column("progress", sa.REAL(), nullable=False, server_default=sa.text("0")))
    op.create_check_constraint("ck_jobs_kind", "jobs", "kind IN ('recording', 'summary')")
    op.drop_index("ix_jobs_in_work", "jobs")
    for name, jobs in (
        ("ix_jobs_in_work", "kind = 'recording' AND state IN ('queued', 'running')"),
        ("ix_jobs_summary_queued", "kind = 'summary' AND state = 'queued'"),
    ):
        op.create_index(name, "jobs", ["conversation_id"], unique=True, postgresql_where=sa.text(jobs))
    op.execute(NOTIFY)

    op.add_column("conversations", sa.Column("title_source", sa.Text(), nullable=False, server_default="person"))
    sources = "title_source IN ('person', 'default', 'program')"
    op.create_check_constraint("ck_conversations_title_source", "conversations", sources)
    default = "title IS NULL OR title ~ '^(Uploaded: |Live Recording )'"
    op.execute(f"UPDATE conversations SET title_source = 'default' WHERE {default}")
    op.add_column("conversations", sa.Column("file_name", sa.Text()))
    op.execute("UPDATE conversations SET file_name = substr(title, 11) WHERE title LIKE 'Uploaded: %'")
    op.execute(RENAME)
    op.execute(
        "CREATE TRIGGER rename_in_titles AFTER UPDATE OF name ON speakers FOR EACH ROW "
        "WHEN (NEW.name <> OLD.name) EXECUTE FUNCTION rename_in_titles()"
    )

    op.create_table(
        "summaries",
        sa.Column("conversation_id", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("content", postgresql.JSONB(), nullable=False),
        sa.Column("dropped", sa.Integer(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("prompt_version", sa.Integer(), nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("conversation_id", name="pk_summaries"),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name="fk_summaries_conversation_id_conversations", ondelete="CASCADE"
        ),
    )
    op.execute(CHANGED)
    op.execute(
        "CREATE TRIGGER notify_changed AFTER INSERT OR UPDATE OR DELETE ON summaries FOR EACH ROW "
        "EXECUTE FUNCTION notify_changed_summary()"
    )
    op.create_table(
        "summary_templates",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("instructions", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_summary_templates"),
    )
