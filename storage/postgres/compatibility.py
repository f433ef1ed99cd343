"""Which programs can use a database that a newer one has migrated: during an update the old and the new version run at once.

A migration expands the schema, and programs of earlier revisions go on. One that contracts it, such as by dropping a column,
has a variable `oldest_program`: the revision of the oldest program that can use the schema after it. The database keeps the
newest such mark as the comment of Alembic's table, where older programs read it.
"""

from typing import TYPE_CHECKING

from sqlalchemy import Connection, text

if TYPE_CHECKING:
    from alembic.script import ScriptDirectory

FIRST = "0018"
"""All migrations after it are checked (tests/storage/test_expansion.py). Programs that cannot read the marks refuse every newer
database."""
LABEL = "oldest program: "


def serves(connection: Connection, scripts: "ScriptDirectory") -> bool:
    """Whether the schema is of a newer program than this one, and says that this one can use it."""
    if not connection.scalar(text("SELECT to_regclass('alembic_version')")):
        return False
    current = connection.scalar(text("SELECT version_num FROM alembic_version"))
    known = {script.revision for script in scripts.walk_revisions()}
    return current not in known and _read(connection) in known


def record(connection: Connection, scripts: "ScriptDirectory") -> None:
    """Write down who can use the schema of this program's newest revision."""
    # From the newest to the oldest.
    marks = (getattr(script.module, "oldest_program", None) for script in scripts.walk_revisions())
    oldest = next(filter(None, marks), FIRST)
    if _read(connection) != oldest:
        connection.execute(text(f"COMMENT ON TABLE alembic_version IS '{LABEL}{oldest}'"))


def _read(connection: Connection) -> str | None:
    comment = connection.scalar(text("SELECT obj_description('alembic_version'::regclass, 'pg_class')"))
    return str(comment).removeprefix(LABEL) if comment else None
