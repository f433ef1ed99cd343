"""What tests of every part may ask for."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from hypothesis import HealthCheck, settings

from storage.postgres.database import Database, migrate
from storage.postgres.embedded import EmbeddedPostgres
from storage.tables import JobRow

# Whether the tests pass is for the code to say, not for how busy the machine is, nor for chance:
# `--hypothesis-profile=default` looks for other examples.
settings.register_profile("steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With several processes: each file stays in one, and so do all files with a Ray, which come first as they take long."""
    items.sort(key=lambda item: item.get_closest_marker("ray") is None)
    for item in items:
        group = "ray" if item.get_closest_marker("ray") else item.path.stem
        item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(scope="module")
def open_directory() -> Iterator[Path]:
    """A directory that PostgreSQL's system user can reach, which pytest's own is not under root."""
    directory = Path(tempfile.mkdtemp(prefix="vivavoce-test-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """One embedded PostgreSQL for the whole session; its URL names an empty database."""
    # Not pytest's own directory: that one is closed to the system user that PostgreSQL runs as under root.
    directory = Path(tempfile.mkdtemp(prefix="vivavoce-test-"))
    directory.chmod(0o755)
    try:
        with EmbeddedPostgres(directory / "postgres") as url:
            yield url
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def create_database(server_url: str) -> str:
    """A new empty database on the server; returns its URL."""
    name = f"test_{uuid4().hex}"

    async def create() -> None:
        connection = await asyncpg.connect(server_url.replace("+asyncpg", ""))
        try:
            await connection.execute(f"CREATE DATABASE {name}")
        finally:
            await connection.close()

    asyncio.run(create())
    return server_url.replace("/postgres?", f"/{name}?")


@pytest.fixture
def empty_database_url(postgres_url: str) -> str:
    """A database of this test's own, without tables."""
    return create_database(postgres_url)


@pytest.fixture(scope="module")
def database_url(postgres_url: str) -> str:
    """A database of this module's own, with all tables."""
    url = create_database(postgres_url)
    asyncio.run(migrate(url))
    return url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The module's database, emptied."""
    database = Database(database_url)
    async with database.engine.begin() as connection:
        # TRUNCATE, which makes new files for all tables and indexes, takes five times as long as what a test left here.
        for table in reversed(JobRow.metadata.sorted_tables):
            await connection.execute(table.delete())
        await connection.exec_driver_sql("SELECT setval(oid::regclass, 1, false) FROM pg_class WHERE relkind = 'S'")
    yield database
    await database.dispose()
