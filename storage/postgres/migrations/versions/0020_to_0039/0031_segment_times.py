"""The index of the segments of a conversation holds their times, too: lists of conversations read hundreds of thousands."""

from alembic import op

revision = "0031"
down_revision = "0030"

NAME = "uq_segments_conversation_id_position"


def upgrade() -> None:
    op.drop_constraint(NAME, "segments")
    op.execute(
        f"ALTER TABLE segments ADD CONSTRAINT {NAME} UNIQUE (conversation_id, position) "
        "INCLUDE (participant_id, start_offset, end_offset)"
    )
