"""Searches with filters read the ids of segments from the indexes of speakers and emotions: rows are wide."""

from alembic import op

revision = "0037"
down_revision = "0036"

INDEXES = (
    ("ix_segments_participant_id", ["participant_id"], ["emotion_category", "id"]),
    ("ix_segments_emotion_category_conversation_id", ["emotion_category", "conversation_id"], ["id"]),
)


def upgrade() -> None:
    for name, columns, included in INDEXES:
        op.drop_index(name, "segments")
        op.create_index(name, "segments", columns, postgresql_include=included)
