"""Participants refer to voices, and voices to speakers: merging two speakers changes a voice, not a row for each conversation.

`participants.speaker_id` keeps its name, which the programs of earlier revisions use, and refers to `voices`. Each speaker has
the voice of its own id, so that what those programs write holds. They show participants of speakers that this version merged
under names local to their conversations.
"""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
widened = ("fk_participants_speaker_id",)  # every speaker has a voice of its id

OWN = """
CREATE FUNCTION own_voices() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE participants p SET speaker_id = v.speaker_id
    FROM voices v JOIN new_rows n USING (id) WHERE v.speaker_id <> v.id AND p.speaker_id = v.id;
    INSERT INTO voices (id, speaker_id) SELECT id, id FROM new_rows
    ON CONFLICT (id) DO UPDATE SET speaker_id = excluded.speaker_id;
    RETURN NULL;
END $$
"""
SPEAKERS_OF = "SELECT speaker_id FROM voices WHERE id IN (SELECT speaker_id FROM {rows})"
SEND = """
CREATE OR REPLACE FUNCTION notify_{event}_participants() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM send_changes('conversation', 'speakers', ARRAY(SELECT DISTINCT conversation_id FROM {rows}));
    PERFORM send_changes('speakers', 'segments', ARRAY({speakers}));
    RETURN NULL;
END $$
"""
# As in revision 0030, but for the voices.
SEND_UPDATED = """
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
    PERFORM send_changes('speakers', 'segments', ARRAY(SELECT DISTINCT speaker_id FROM voices WHERE id = ANY (present)));
    PERFORM send_changes('speakers', 'segments', ARRAY(SELECT DISTINCT speaker_id FROM voices WHERE id = ANY (former)));
    RETURN NULL;
END $$
"""
SEND_MERGED = """
CREATE FUNCTION notify_update_voices() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM send_changes('conversation', 'speakers', ARRAY(
        SELECT DISTINCT conversation_id FROM participants WHERE speaker_id IN (SELECT id FROM new_rows)
    ));
    PERFORM send_changes('speakers', 'segments', ARRAY(SELECT DISTINCT speaker_id FROM new_rows));
    PERFORM send_changes('speakers', 'segments', ARRAY(SELECT DISTINCT speaker_id FROM old_rows));
    RETURN NULL;
END $$
"""
SEND_SEGMENTS = """
CREATE OR REPLACE FUNCTION notify_update_segments() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM send_changes('conversation', 'transcript', ARRAY(SELECT DISTINCT conversation_id FROM new_rows));
    PERFORM send_changes('speakers', 'segments', ARRAY(
        SELECT DISTINCT v.speaker_id FROM participants p JOIN voices v ON v.id = p.speaker_id WHERE p.id IN (
            SELECT unnest(ARRAY[o.participant_id, n.participant_id]) FROM old_rows o JOIN new_rows n USING (id)
            WHERE o.participant_id <> n.participant_id
        )
    ));
    RETURN NULL;
END $$
"""
RENAME = """
CREATE OR REPLACE FUNCTION rename_in_titles() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE conversations SET title = replace(title, OLD.name, NEW.name)
    WHERE title_source = 'program' AND strpos(title, OLD.name) > 0 AND id IN (
        SELECT p.conversation_id FROM participants p JOIN voices v ON v.id = p.speaker_id WHERE v.speaker_id = OLD.id
    );
    RETURN NULL;
END $$
"""
AFTER = "CREATE TRIGGER {name} AFTER {event} ON {table} REFERENCING {rows} FOR EACH STATEMENT EXECUTE FUNCTION {function}()"


def upgrade() -> None:
    op.create_table(
        "voices",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("speaker_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["speaker_id"], ["speakers.id"], name="fk_voices_speaker_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_voices"),
    )
    op.create_index("ix_voices_speaker_id", "voices", ["speaker_id"])
    op.execute("INSERT INTO voices (id, speaker_id) SELECT id, id FROM speakers")
    op.drop_constraint("fk_participants_speaker_id", "participants")
    op.create_foreign_key("fk_participants_speaker_id", "participants", "voices", ["speaker_id"], ["id"], ondelete="SET NULL")
    inserted, deleted = ({"rows": rows, "speakers": SPEAKERS_OF.format(rows=rows)} for rows in ("new_rows", "old_rows"))
    for function in (
        *(OWN, SEND_UPDATED, SEND_MERGED, SEND_SEGMENTS, RENAME),
        *(SEND.format(event="insert", **inserted), SEND.format(event="delete", **deleted)),
    ):
        op.execute(function)
    both = "OLD TABLE AS old_rows NEW TABLE AS new_rows"
    for name, event, table, rows, function in (
        ("own_voices", "INSERT", "speakers", "NEW TABLE AS new_rows", "own_voices"),
        ("notify_update", "UPDATE", "voices", both, "notify_update_voices"),
        ("note_update", "UPDATE", "voices", "NEW TABLE AS changed", "note_reference_changes"),
        ("note_delete", "DELETE", "voices", "OLD TABLE AS changed", "note_reference_changes"),
    ):
        op.execute(AFTER.format(name=name, event=event, table=table, rows=rows, function=function))
