"""The embedded PostgreSQL without what lets its data survive the end of the machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from storage.postgres import embedded

UNSAFE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
"""What takes most of the time of a short transaction, and of a checkpoint."""


@contextmanager
def serve(directory: Path, **settings: str) -> Iterator[str]:
    """The URL of an empty database on a server with its files in `directory`, and with these settings."""
    server = embedded.EmbeddedPostgres(directory)
    with patch.dict(embedded.SETTINGS, {**UNSAFE, **settings}):  # until it runs: others that tests start have what users have
        url = server.start()
    try:
        yield url
    finally:
        server.stop()
