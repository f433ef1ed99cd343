"""Databases of older versions."""

import alembic.command
from sqlalchemy import Connection, text

from storage.postgres.database import alembic_config


def upgrade(connection: Connection, revision: str) -> None:
    """Bring an empty database to the schema of a revision."""
    connection.execute(text("CREATE EXTENSION IF NOT EXISTS vector"))
    alembic.command.upgrade(alembic_config(connection), revision)
