"""What is left to remove after an erasure, and when a recording was removed."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0010"

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "pending_removals",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text()),
        sa.Column("created_at", MOMENT, server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("kind IN ('file', 'space')", name="ck_pending_removals_kind"),
        sa.CheckConstraint("(kind = 'file') = (key IS NOT NULL)", name="ck_pending_removals_key"),
        sa.PrimaryKeyConstraint("id", name="pk_pending_removals"),
        sa.UniqueConstraint("key", name="uq_pending_removals_key"),
    )
    op.add_column("conversations", sa.Column("audio_removed_at", MOMENT))
