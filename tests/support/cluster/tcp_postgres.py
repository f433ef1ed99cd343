"""A PostgreSQL that listens on TCP, as a cluster has one; on 127.0.0.1 alone."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from storage.postgres import embedded
from tests.support import fast_postgres
from tests.support.ports import free_port


@contextmanager
def serve(directory: Path) -> Iterator[str]:
    """The URL of an empty database on a server of its own, which listens on TCP."""
    port = free_port()
    with patch.object(embedded, "PORT", port), fast_postgres.serve(directory / "postgres", listen_addresses="127.0.0.1"):
        cluster = directory / "postgres" / "cluster"
        access = cluster / "pg_hba.conf"
        access.write_text(access.read_text().replace("reject", "trust"))
        os.kill(int((cluster / "postmaster.pid").read_text().split()[0]), signal.SIGHUP)  # it reads the file again
        yield f"postgresql+asyncpg://postgres@127.0.0.1:{port}/postgres"
