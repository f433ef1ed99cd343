"""Transcripts that people edit: segments as they were, changes, and positions between two segments.

The type of `position` rewrites the table: about a minute for a million segments.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.alter_column("segments", "position", type_=sa.Numeric())
    op.add_column("segments", sa.Column("originals", ARRAY(sa.BigInteger())))
    op.add_column("segments", sa.Column("edited_at", sa.DateTime(timezone=True)))
    op.create_table(
        "original_segments",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        _conversation(),
        sa.Column("start_offset", sa.Double(), nullable=False),
        sa.Column("end_offset", sa.Double(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("words", JSONB()),
        sa.PrimaryKeyConstraint("id", name="pk_original_segments"),
        _cascade("original_segments"),
    )
    op.create_index("ix_original_segments_conversation_id", "original_segments", ["conversation_id"])
    op.create_table(
        "transcript_changes",
        sa.Column("id", sa.BigInteger(), nullable=False),
        _conversation(),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("steps", JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_transcript_changes"),
        _cascade("transcript_changes"),
    )
    op.create_index("ix_transcript_changes_conversation_id_id", "transcript_changes", ["conversation_id", "id"])


def _conversation() -> sa.Column[int]:
    return sa.Column("conversation_id", sa.Integer(), nullable=False)


def _cascade(table: str) -> sa.ForeignKeyConstraint:
    name = f"fk_{table}_conversation_id_conversations"
    return sa.ForeignKeyConstraint(["conversation_id"], ["conversations.id"], name=name, ondelete="CASCADE")
