"""Voiceprints say of how much speech they were computed: a vector of little speech is less certain."""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"


def upgrade() -> None:
    op.add_column("voiceprints", sa.Column("speech_seconds", sa.Double(), nullable=True))
