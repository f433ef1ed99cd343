"""Segments have an activation and a valence beside their emotion; those stored before have none."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    op.add_column("segments", sa.Column("activation", sa.Double()))
    op.add_column("segments", sa.Column("valence", sa.Double()))
