"""Hot words: those of the installation, and those that a transcript was made with."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.add_column("conversations", sa.Column("hotwords", ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False))
    op.create_table(
        "vocabulary",
        sa.Column("id", sa.Integer(), autoincrement=False, server_default=sa.text("1"), nullable=False),
        sa.Column("hotwords", ARRAY(sa.Text()), nullable=False),
        sa.Column("include_speaker_names", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_vocabulary"),
        sa.CheckConstraint("id = 1", name="ck_vocabulary_only_row"),
    )
