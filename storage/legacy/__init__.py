"""The SQLite file of the reference system: read it, and store its rows."""
