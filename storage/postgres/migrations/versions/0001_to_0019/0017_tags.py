"""Tags of conversations, titles as filters compare them, and the index that finds conversations with an emotion.

`title_key` rewrites the table of conversations, which is small: segments are in another. The index takes a second for a million
segments.
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0024"

INVISIBLE = (
    r"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ufeff\uffa0"
    r"\ufff9-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e00ff\U000e01f0-\U000e0fff"
    r"\u180b-\u180d\u180f\u200c\u200d\ufe00-\ufe0f\U000e0100-\U000e01ef"
)


SEND = """
CREATE FUNCTION notify_conversation_tags() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM send_changes('conversation', 'tags', ARRAY(SELECT DISTINCT conversation_id::bigint FROM changed_rows ORDER BY 1));
    RETURN NULL;
END $$
"""


def upgrade() -> None:
    op.add_column("conversations", sa.Column("title_key", sa.Text(), _key("title")))
    op.create_table(
        "conversation_tags",
        sa.Column("conversation_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_key", sa.Text(), _key("name"), nullable=False),
        sa.CheckConstraint("name <> ''", name="ck_conversation_tags_name"),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name="fk_conversation_tags_conversation_id_conversations",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("conversation_id", "name_key", name="pk_conversation_tags"),
    )
    op.create_index("ix_segments_emotion_category_conversation_id", "segments", ["emotion_category", "conversation_id"])
    op.create_index("ix_conversation_tags_name_key_conversation_id", "conversation_tags", ["name_key", "conversation_id"])
    op.execute(SEND)
    for event, rows in (("INSERT", "NEW"), ("DELETE", "OLD")):
        op.execute(
            f"CREATE TRIGGER notify_{event.lower()} AFTER {event} ON conversation_tags "
            f"REFERENCING {rows} TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION notify_conversation_tags()"
        )


def _key(column: str) -> sa.Computed:
    visible = rf"regexp_replace(normalize({column}, NFKC), '[{INVISIBLE}]', '', 'g')"
    return sa.Computed(rf"btrim(regexp_replace(lower({visible}), '\s+', ' ', 'g'))", persisted=True)
