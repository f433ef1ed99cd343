"""Full-text search. Adding the column rewrites the table: some seconds for a million segments."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TSVECTOR

revision = "0003"
down_revision = "0002"

SPACED = r"regexp_replace(text, '([\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff])', ' \1 ', 'g')"


def upgrade() -> None:
    words = sa.Computed(f"to_tsvector('simple'::regconfig, {SPACED})", persisted=True)
    op.add_column("segments", sa.Column("lexemes", TSVECTOR(), words, nullable=False))
    op.create_index("ix_segments_lexemes", "segments", ["lexemes"], postgresql_using="gin")
