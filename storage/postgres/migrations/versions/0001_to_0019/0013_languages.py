"""The language of a segment, and all languages of a conversation."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.add_column("segments", sa.Column("language", sa.Text()))
    op.add_column("conversations", sa.Column("languages", ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False))
    op.execute("UPDATE conversations SET languages = ARRAY[language] WHERE language IS NOT NULL AND status = 'completed'")
