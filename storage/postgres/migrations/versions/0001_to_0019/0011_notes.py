"""Notes on conversations: what processing left out or changed."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0011"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("conversations", sa.Column("notes", JSONB(), server_default=sa.text("'[]'"), nullable=False))
