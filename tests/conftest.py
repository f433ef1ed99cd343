"""Fixtures for all tests, and their distribution over processes."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import asyncpg
import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import delete, make_url

from settings import Settings
from storage.postgres.database import Database, migrate
from storage.postgres.embedded import EmbeddedPostgres
from storage.tables import AuditEntry, JobRow
from tests.support import directories
from tests.support.program import ServedApplication
from tests.support.whisper import second_model

if TYPE_CHECKING:
    from engines.in_process import LocalStages

ENGINES = Path(__file__).parent / "engines"
BROWSER = Path(__file__).parent / "browser"

# The result must depend neither on how busy the machine is nor on chance: `--hypothesis-profile=default` draws other examples.
settings.register_profile("steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")


LANES = ("ray", "models")
"""Groups of tests that one process runs one after the other, and that start first as they take longest."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Group the tests for several processes: those with a Ray, those with real models, and each other file."""
    groups = {item: _group(item) for item in items}
    items.sort(key=lambda item: LANES.index(groups[item]) if groups[item] in LANES else len(LANES))
    for item in items:
        item.add_marker(pytest.mark.xdist_group(groups[item]))


def _group(item: pytest.Item) -> str:
    if item.get_closest_marker("ray"):  # two Rays on one machine slow each other down
        return "ray"
    if ENGINES in item.path.parents or "real_stages" in getattr(item, "fixturenames", ()):  # torch is imported once
        return "models"
    if BROWSER in item.path.parents:  # one browser
        return "browser"
    return item.path.stem


@pytest.fixture(scope="session", autouse=True)
def data_path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data directory of the tests: that of an installation on this machine is neither read nor changed."""
    with pytest.MonkeyPatch.context() as patch:
        directory = tmp_path_factory.mktemp("data")
        patch.setenv("DATA_PATH", str(directory))
        patch.delenv("VOLUMES_PATH", raising=False)
        yield directory


@pytest.fixture(scope="session")
def real_stages() -> "LocalStages":
    """The real models, loaded once in this process."""
    from engines.in_process import load

    return load(Settings())


@pytest.fixture(scope="module")
def open_directory() -> Iterator[Path]:
    """A directory that PostgreSQL's system user can reach."""
    with directories.open_directory() as directory:
        yield directory


@pytest.fixture(scope="session")
def program() -> Iterator[ServedApplication]:
    """The application, started as `make run` starts it; at the end Ctrl-C must stop it and all of its processes."""
    with (
        directories.open_directory() as directory,
        ServedApplication(directory, "--sample", WHISPER_MODELS=str(second_model(directory))) as program,
    ):
        program.wait_for("is ready")
        yield program
        if program.process.poll() is None:
            assert program.stop() == 0
        assert program.left() == []


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """One embedded PostgreSQL for the whole session; its URL names an empty database."""
    with directories.open_directory() as directory, EmbeddedPostgres(directory / "postgres") as url:
        asyncio.run(_execute(url, *(f"ALTER SYSTEM SET {name} = off" for name in SAFETY), "SELECT pg_reload_conf()"))
        yield url


SAFETY = ("fsync", "synchronous_commit", "full_page_writes")
"""What lets a database survive the end of the machine, and takes most of the time of a short transaction."""


async def _execute(server_url: str, *statements: str) -> None:
    connection = await asyncpg.connect(server_url.replace("+asyncpg", ""))
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


def create_database(server_url: str, template: str = "template1") -> str:
    """A new database on the server, a copy of `template`; returns its URL."""
    name = f"test_{uuid4().hex}"
    asyncio.run(_execute(server_url, f"CREATE DATABASE {name} TEMPLATE {template}"))
    return server_url.replace("/postgres?", f"/{name}?")


@pytest.fixture
def empty_database_url(postgres_url: str) -> str:
    """A database of this test's own, without tables."""
    return create_database(postgres_url)


@pytest.fixture(scope="session")
def migrated_template(postgres_url: str) -> str:
    """The name of a database with all tables: to copy it takes a tenth of what the migrations take."""
    url = create_database(postgres_url)
    asyncio.run(migrate(url))
    return str(make_url(url).database)


@pytest.fixture(scope="module")
def database_url(postgres_url: str, migrated_template: str) -> str:
    """A database of this module's own, with all tables."""
    return create_database(postgres_url, migrated_template)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The module's database, emptied."""
    database = Database(database_url)
    async with database.engine.begin() as connection:
        # Without triggers, or the audit log could not be emptied.
        await connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        await connection.execute(delete(AuditEntry))
        await connection.exec_driver_sql("SET LOCAL session_replication_role = origin")
        # TRUNCATE, which makes new files for all tables and indexes, takes five times as long as what a test left here.
        for table in reversed(JobRow.metadata.sorted_tables):
            if table is AuditEntry.__table__:
                continue
            await connection.execute(table.delete())
        await connection.exec_driver_sql("SELECT setval(oid::regclass, 1, false) FROM pg_class WHERE relkind = 'S'")
    yield database
    await database.dispose()
