"""Pairs of speakers that a person marked as different people."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0016"


def upgrade() -> None:
    op.create_table(
        "distinct_speakers",
        _speaker("lower_id"),
        _speaker("higher_id"),
        sa.PrimaryKeyConstraint("lower_id", "higher_id", name="pk_distinct_speakers"),
        sa.CheckConstraint("lower_id < higher_id", name=op.f("ck_distinct_speakers_order")),
    )
    op.create_index("ix_distinct_speakers_higher_id", "distinct_speakers", ["higher_id"])


def _speaker(name: str) -> sa.Column[int]:
    key = sa.ForeignKey("speakers.id", name=f"fk_distinct_speakers_{name}_speakers", ondelete="CASCADE")
    return sa.Column(name, sa.Integer(), key, autoincrement=False, nullable=False)
