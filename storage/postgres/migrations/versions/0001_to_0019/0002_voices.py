"""Backups, changes of speakers that can be undone, labels, and settings changed at run time."""

import sqlalchemy as sa
from alembic import op
from pgvector.sqlalchemy import VECTOR
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"

REFERENCES = ("voiceprints", "participants", "emotion_profiles")
EVENTS = {"INSERT": "NEW", "UPDATE": "NEW", "DELETE": "OLD"}
NOTE = """
CREATE FUNCTION note_reference_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO reference_changes (kind, reference_id, xact)
    SELECT TG_TABLE_NAME, id, pg_current_xact_id()::text::bigint FROM changed ORDER BY id
    ON CONFLICT (kind, reference_id) DO UPDATE SET xact = excluded.xact;
    RETURN NULL;
END $$
"""


def upgrade() -> None:
    op.add_column("conversations", sa.Column("uuid", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False))
    op.create_unique_constraint("uq_conversations_uuid", "conversations", ["uuid"])
    op.add_column("participants", sa.Column("enrolled", sa.Boolean(), server_default=sa.true(), nullable=False))
    op.add_column("segments", sa.Column("emotion_learned", sa.Boolean(), server_default=sa.true(), nullable=False))
    for kind in ("imported", "imported_voice"):
        op.add_column("emotion_profiles", sa.Column(f"{kind}_vector", VECTOR()))
        op.add_column("emotion_profiles", sa.Column(f"{kind}_count", sa.Integer(), server_default=sa.text("0"), nullable=False))

    op.create_table(
        "labels",
        sa.Column("segment_id", sa.BigInteger(), nullable=False),
        sa.Column("speaker_name", sa.Text(), nullable=False),
        sa.Column("labeled_by", sa.Text()),
        sa.Column("notes", sa.Text()),
        sa.Column("labeled_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("speaker_name <> ''", name="ck_labels_speaker_name"),
        sa.ForeignKeyConstraint(["segment_id"], ["segments.id"], name="fk_labels_segment_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("segment_id", name="pk_labels"),
    )
    op.create_table(
        "voice_settings",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_voice_settings"),
    )
    op.create_table(
        "identity_changes",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("before", JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_identity_changes"),
    )
    op.create_table(
        "backups",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("filename", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("profile_id", sa.Integer()),
        sa.Column("description", sa.Text()),
        sa.Column("speakers_count", sa.Integer(), nullable=False),
        sa.Column("segments_count", sa.Integer(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("name <> ''", name="ck_backups_name"),
        sa.ForeignKeyConstraint(["profile_id"], ["backups.id"], name="fk_backups_profile_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_backups"),
        sa.UniqueConstraint("filename", name="uq_backups_filename"),
    )
    op.create_index("ix_backups_name", "backups", ["name"])
    op.create_index("ix_backups_profile_id", "backups", ["profile_id"])
    op.create_table(
        "reference_changes",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reference_id", sa.Integer(), nullable=False),
        sa.Column("xact", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "reference_id", name="pk_reference_changes"),
    )
    op.create_index("ix_reference_changes_xact", "reference_changes", ["xact"])
    op.execute(NOTE)
    for table in REFERENCES:
        for event, rows in EVENTS.items():
            op.execute(
                f"CREATE TRIGGER note_{event.lower()} AFTER {event} ON {table} REFERENCING {rows} TABLE AS changed "
                "FOR EACH STATEMENT EXECUTE FUNCTION note_reference_changes()"
            )
