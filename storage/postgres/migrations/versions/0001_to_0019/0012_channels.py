"""The channel of a segment, where the channels of its recording were transcribed on their own."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.add_column("segments", sa.Column("channel", sa.SmallInteger()))
