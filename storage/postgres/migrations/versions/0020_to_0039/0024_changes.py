"""Triggers that send notifications of changed rows, and the time at which a job was claimed.

Each statement sends the ids of the rows that it changed on the channel `change`, once in a transaction
(`storage.events.changes` reads them). For 250 segments this takes 0.1 ms of the 25 in which they are stored.
"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0019"

SEND = """
CREATE FUNCTION send_changes(kind text, change text, ids bigint[]) RETURNS void LANGUAGE sql AS $$
    SELECT pg_notify('change', json_build_object(
        -- A payload has at most 8,000 bytes.
        'kind', kind, 'change', change, 'ids', CASE WHEN cardinality(ids) <= 500 THEN ids END
    )::text) WHERE cardinality(ids) > 0
$$
"""
SEND_HIDDEN = """
CREATE FUNCTION send_hidden(conversation integer, everyone boolean, people integer[]) RETURNS void LANGUAGE sql AS $$
    SELECT pg_notify('change', json_build_object(
        'kind', 'conversation', 'change', 'hidden', 'ids', CASE WHEN cardinality(people) <= 500 THEN ARRAY[conversation] END,
        'everyone', everyone, 'people', people
    )::text)
$$
"""
HIDE = """
CREATE FUNCTION hide_conversation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM send_hidden(OLD.id, OLD.visibility = 'everyone', ARRAY(
        SELECT OLD.owner_id WHERE OLD.owner_id IS NOT NULL
        UNION SELECT person_id FROM conversation_shares WHERE conversation_id = OLD.id AND OLD.visibility = 'shared'
    ));
    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
    RETURN NEW;
END $$
"""
UNSHARE = """
CREATE FUNCTION hide_from_person() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM send_hidden(id, false, ARRAY[OLD.person_id])
    FROM conversations WHERE id = OLD.conversation_id AND visibility = 'shared';
    RETURN NULL;
END $$
"""

WORK = ("status", "stage", "progress", "error", "duration", "audio_key", "language", "languages", "notes")
JOB = ("state", "attempts", "error", "cancel_requested")
MOVED = """
    SELECT speaker_id FROM participants WHERE id IN (
        SELECT unnest(ARRAY[o.participant_id, n.participant_id]) FROM old_rows o JOIN new_rows n USING (id)
        WHERE o.participant_id <> n.participant_id
    )
"""


def _changed(column: str, *compared: str) -> str:
    differs = " OR ".join(f"n.{name} IS DISTINCT FROM o.{name}" for name in compared)
    return f"SELECT n.{column} FROM new_rows n JOIN old_rows o USING (id) WHERE {differs}"


def _each(event: str, column: str) -> str:
    return f"SELECT {column} FROM {'old_rows' if event == 'DELETE' else 'new_rows'}"


CHANGES = {
    "conversations": {
        "INSERT": [("conversation", "created", _each("INSERT", "id"))],
        "UPDATE": [
            ("conversation", "title", _changed("id", "title")),
            ("conversation", "status", _changed("id", *WORK)),
            ("conversation", "sharing", _changed("id", "owner_id", "visibility")),
        ],
    },
    "conversation_shares": {
        event: [("conversation", "sharing", _each(event, "conversation_id"))] for event in ("INSERT", "DELETE")
    },
    "segments": {event: [("conversation", "transcript", _each(event, "conversation_id"))] for event in ("INSERT", "DELETE")}
    | {"UPDATE": [("conversation", "transcript", _each("UPDATE", "conversation_id")), ("speakers", "segments", MOVED)]},
    "participants": {
        event: [
            ("conversation", "speakers", _each(event, "conversation_id")),
            ("speakers", "segments", _each(event, "speaker_id")),
        ]
        for event in ("INSERT", "DELETE")
    }
    | {
        "UPDATE": [
            ("conversation", "speakers", _changed("conversation_id", "speaker_id", "confidence")),
            ("speakers", "segments", _changed("speaker_id", "speaker_id")),
            ("speakers", "segments", _changed("speaker_id", "speaker_id").replace("n.speaker_id", "o.speaker_id", 1)),
        ]
    },
    "speakers": {
        "INSERT": [("speakers", "created", _each("INSERT", "id"))],
        "UPDATE": [
            ("speakers", "renamed", _changed("id", "name")),
            ("speakers", "emotions", _changed("id", "emotion_threshold")),
        ],
        "DELETE": [("speakers", "deleted", _each("DELETE", "id"))],
    },
    "voiceprints": {event: [("speakers", "samples", _each(event, "speaker_id"))] for event in ("INSERT", "UPDATE", "DELETE")},
    "emotion_profiles": {
        event: [("speakers", "emotions", _each(event, "speaker_id"))] for event in ("INSERT", "UPDATE", "DELETE")
    },
    "jobs": {
        "INSERT": [("job", "state", _each("INSERT", "id"))],
        "UPDATE": [("job", "state", _changed("id", *JOB))],
    },
}
ROWS = {"INSERT": "NEW TABLE AS new_rows", "DELETE": "OLD TABLE AS old_rows"}
ROWS["UPDATE"] = f"{ROWS['DELETE']} {ROWS['INSERT']}"


def upgrade() -> None:
    op.add_column("jobs", sa.Column("started_at", sa.DateTime(timezone=True)))
    for function in (SEND, SEND_HIDDEN, HIDE, UNSHARE):
        op.execute(function)
    for table, events in CHANGES.items():
        for event, changes in events.items():
            _notify(table, event, changes)
    op.execute("CREATE TRIGGER hide_deleted BEFORE DELETE ON conversations FOR EACH ROW EXECUTE FUNCTION hide_conversation()")
    op.execute(
        "CREATE TRIGGER hide_changed BEFORE UPDATE OF owner_id, visibility ON conversations FOR EACH ROW "
        "EXECUTE FUNCTION hide_conversation()"
    )
    op.execute(
        "CREATE TRIGGER hide_unshared AFTER DELETE ON conversation_shares FOR EACH ROW EXECUTE FUNCTION hide_from_person()"
    )


def _notify(table: str, event: str, changes: list[tuple[str, str, str]]) -> None:
    name = f"notify_{event.lower()}"
    sent = "".join(
        f"PERFORM send_changes('{kind}', '{change}', ARRAY(SELECT DISTINCT id FROM ({ids}) AS changed(id) "
        "WHERE id IS NOT NULL ORDER BY id));\n"
        for kind, change, ids in changes
    )
    op.execute(f"CREATE FUNCTION {name}_{table}() RETURNS trigger LANGUAGE plpgsql AS $$\nBEGIN\n{sent}RETURN NULL;\nEND $$")
    op.execute(
        f"CREATE TRIGGER {name} AFTER {event} ON {table} REFERENCING {ROWS[event]} FOR EACH STATEMENT "
        f"EXECUTE FUNCTION {name}_{table}()"
    )
