"""Run by Alembic inside the transaction that `storage.postgres.database.migrate` has opened.

Migrations are written by hand, numbered, and go forward only; `tests/storage/test_migrations.py` holds them against the tables.
"""

from alembic import context

# No target_metadata: its naming convention would rename the constraints; the migrations use their full names.
context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
