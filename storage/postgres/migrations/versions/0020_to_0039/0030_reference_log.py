"""Cheaper triggers for changes of many participants: merging a speaker changes one for each of its conversations.

`reference_changes` becomes a log, to which rows are added; it had one row for each reference, which a change had to find and
replace. Old rows are deleted after a week. Notifications compare the old and the new rows once, not three times.
"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0018"
widened = ("pk_reference_changes",)  # only the trigger writes rows, and a program that reads one twice reads its reference once

NOTE = """
CREATE OR REPLACE FUNCTION note_reference_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO reference_changes (kind, reference_id, xact)
    SELECT TG_TABLE_NAME, id, pg_current_xact_id()::text::bigint FROM changed;
    RETURN NULL;
END $$
"""
NOTIFY = """
CREATE OR REPLACE FUNCTION notify_update_participants() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    conversations bigint[];
    present bigint[];
    former bigint[];
BEGIN
    SELECT array_agg(DISTINCT n.conversation_id),
        array_agg(DISTINCT n.speaker_id) FILTER (WHERE n.speaker_id IS DISTINCT FROM o.speaker_id),
        array_agg(DISTINCT o.speaker_id) FILTER (WHERE n.speaker_id IS DISTINCT FROM o.speaker_id)
    INTO conversations, present, former
    FROM new_rows n JOIN old_rows o USING (id)
    WHERE n.speaker_id IS DISTINCT FROM o.speaker_id OR n.confidence IS DISTINCT FROM o.confidence;
    PERFORM send_changes('conversation', 'speakers', conversations);
    PERFORM send_changes('speakers', 'segments', array_remove(present, NULL));
    PERFORM send_changes('speakers', 'segments', array_remove(former, NULL));
    RETURN NULL;
END $$
"""


def upgrade() -> None:
    op.drop_constraint("pk_reference_changes", "reference_changes")
    now = sa.text("now()")
    op.add_column("reference_changes", sa.Column("changed_at", sa.DateTime(timezone=True), server_default=now, nullable=False))
    op.create_index("ix_reference_changes_changed_at", "reference_changes", ["changed_at"], postgresql_using="brin")
    for function in (NOTE, NOTIFY):
        op.execute(function)
