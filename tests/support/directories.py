"""Directories that PostgreSQL's system user can reach, which pytest's own is not under root."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def open_directory() -> Iterator[Path]:
    """An empty directory that is removed at the end."""
    directory = Path(tempfile.mkdtemp(prefix="vivavoce-test-"))
    directory.chmod(0o755)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
