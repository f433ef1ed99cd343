"""Live conversations are resumed with a token, of which the hash is stored."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("conversations", sa.Column("resume_token_hash", sa.LargeBinary()))
