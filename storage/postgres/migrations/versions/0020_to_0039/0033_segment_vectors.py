"""Vectors of the texts of segments, and triggers that queue each new text for them.

The queue is empty at first: the program adds what has no vector of its model yet, also after a change of the model.
"""

import sqlalchemy as sa
from alembic import op
from pgvector.sqlalchemy import HALFVEC

revision = "0033"
down_revision = "0032"

INSERTED = """
CREATE FUNCTION queue_new_texts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO segments_to_embed (segment_id) SELECT id FROM new_rows WHERE btrim(text) <> '';
    IF FOUND THEN PERFORM pg_notify('segments_to_embed', ''); END IF;
    RETURN NULL;
END $$
"""
CHANGED = """
CREATE FUNCTION queue_changed_text() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- The queue first: a process that stores the vector of the former text holds its row there.
    INSERT INTO segments_to_embed (segment_id) VALUES (NEW.id)
    ON CONFLICT (segment_id) DO UPDATE SET revision = EXCLUDED.revision, claimed_until = NULL;
    DELETE FROM segment_vectors WHERE segment_id = NEW.id;
    PERFORM pg_notify('segments_to_embed', '');
    RETURN NULL;
END $$
"""


def upgrade() -> None:
    op.create_table(
        "segment_vectors",
        sa.Column("segment_id", sa.BigInteger(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("vector", HALFVEC(), nullable=False),
        sa.PrimaryKeyConstraint("segment_id", "model", name="pk_segment_vectors"),
        sa.ForeignKeyConstraint(["segment_id"], ["segments.id"], ondelete="CASCADE", name="fk_segment_vectors_segment_id"),
    )
    # The vectors of a page are read at once: outside of the row each would be a look-up.
    op.execute("ALTER TABLE segment_vectors ALTER COLUMN vector SET STORAGE PLAIN")
    op.execute("CREATE SEQUENCE segments_to_embed_revision")
    op.create_table(
        "segments_to_embed",
        sa.Column("segment_id", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), server_default=sa.text("nextval('segments_to_embed_revision')"), nullable=False),
        sa.Column("claimed_until", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("segment_id", name="pk_segments_to_embed"),
        sa.ForeignKeyConstraint(["segment_id"], ["segments.id"], ondelete="CASCADE", name="fk_segments_to_embed_segment_id"),
    )
    op.execute(INSERTED)
    op.execute(CHANGED)
    op.execute(
        "CREATE TRIGGER queue_inserted AFTER INSERT ON segments REFERENCING NEW TABLE AS new_rows "
        "FOR EACH STATEMENT EXECUTE FUNCTION queue_new_texts()"
    )
    op.execute(
        "CREATE TRIGGER queue_updated AFTER UPDATE OF text ON segments FOR EACH ROW "
        "WHEN (OLD.text IS DISTINCT FROM NEW.text) EXECUTE FUNCTION queue_changed_text()"
    )
