"""Fixtures for all tests, and their distribution over processes."""

import asyncio
import gc
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import asyncpg
import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import make_url

from settings import Settings
from storage.postgres.database import Database, migrate
from storage.tables import JobRow
from tests.support import directories, fast_postgres
from tests.support.program import ServedApplication
from tests.support.whisper import second_model

if TYPE_CHECKING:
    from engines.in_process import LocalStages
    from tests.support.remembered import Results

ENGINES = Path(__file__).parent / "engines"
BROWSER = Path(__file__).parent / "browser"

# Hardly anything of the modules that the collection of the tests imports is garbage, and each of three processes imports all.
gc.disable()

# The result must depend neither on how busy the machine is nor on chance: `--hypothesis-profile=default` draws other examples.
settings.register_profile("steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")


def pytest_addoption(parser: pytest.Parser) -> None:
    about = "folder for a picture of each screen of the page, which tests/browser/test_screenshots.py looks at"
    parser.addoption("--screenshots", type=Path, metavar="FOLDER", help=about)


LANES = ("ray", "models")
"""Groups of tests that one process runs one after the other, and that start first as they take longest."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Group the tests for several processes: those with a Ray, those with real models, and each other file."""
    groups = {item: _group(item) for item in items}
    items.sort(key=lambda item: (LANES.index(groups[item]) if groups[item] in LANES else len(LANES), _uses_program(item)))
    for item in items:
        item.add_marker(pytest.mark.xdist_group(groups[item]))


def pytest_collection_finish() -> None:
    """From now on the collector runs, and does not look at those modules again."""
    gc.freeze()
    gc.enable()


def _uses_program(item: pytest.Item) -> bool:
    """These tests come last in their lane: even when it is idle, the program takes CPU time from another Ray."""
    return "program" in getattr(item, "fixturenames", ())


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
        # Threads of one forward pass wait for each other without sleeping, which takes CPU time from the other test processes.
        patch.setenv("CPU_THREADS", "1")
        yield directory


@pytest.fixture(scope="session")
def remembering_stages() -> "tuple[LocalStages, Results]":
    from engines.in_process import load
    from tests.support.remembered import remember

    stages = load(Settings())
    return stages, remember(stages)


@pytest.fixture(scope="session")
def real_stages(remembering_stages: "tuple[LocalStages, Results]") -> "LocalStages":
    """The real models, loaded once in this process; what they compute for a recording is remembered for other tests."""
    return remembering_stages[0]


@pytest.fixture
def computed_again(remembering_stages: "tuple[LocalStages, Results]") -> Iterator[None]:
    """The real models compute all results of this test, for tests that compare two runs."""
    with remembering_stages[1].computed_again():
        yield


@pytest.fixture
def gate(real_stages: "LocalStages") -> Iterator[threading.Event]:
    """The models begin when it is set, so that a test sees work in progress, however fast they are."""
    gate = threading.Event()
    real_stages.transcriber._thread.submit(gate.wait)  # type: ignore[attr-defined]
    yield gate
    gate.set()


@pytest.fixture(scope="module")
def open_directory() -> Iterator[Path]:
    """A directory that PostgreSQL's system user can reach."""
    with directories.open_directory() as directory:
        yield directory


@pytest.fixture(scope="session")
def program() -> Iterator[ServedApplication]:
    """The application, started as `make run` starts it; at the end Ctrl-C must stop it and all of its processes."""
    desktop = {"DISPLAY": ":0", "BROWSER": "echo A browser opens %s"}
    with (
        directories.open_directory() as directory,
        ServedApplication(directory, "--sample", "--open", WHISPER_MODELS=str(second_model(directory)), **desktop) as program,
    ):
        program.wait_for("is ready")
        yield program
        if program.process.poll() is None:
            assert program.stop() == 0
        assert program.left() == []


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """One embedded PostgreSQL for the whole session; its URL names an empty database."""
    with directories.open_directory() as directory, fast_postgres.serve(directory / "postgres") as url:
        yield url


async def _execute(server_url: str, statement: str) -> None:
    connection = await asyncpg.connect(server_url.replace("+asyncpg", ""))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def create_database(server_url: str, template: str = "template1") -> str:
    """A new database on the server, a copy of `template`; returns its URL."""
    name = f"test_{uuid4().hex}"
    asyncio.run(_execute(server_url, f"CREATE DATABASE {name} TEMPLATE {template}"))
    return server_url.replace("/postgres?", f"/{name}?")


@contextmanager
def own_database(server_url: str, template: str = "template1") -> Iterator[str]:
    """The same, removed at the end: most of its files are gone before the system has written them to the disk."""
    url = create_database(server_url, template)
    yield url
    with suppress(asyncpg.ObjectInUseError):
        asyncio.run(_execute(server_url, f"DROP DATABASE {make_url(url).database}"))


@pytest.fixture
def empty_database_url(postgres_url: str) -> Iterator[str]:
    """A database of this test's own, without tables."""
    with own_database(postgres_url) as url:
        yield url


@pytest.fixture(scope="session")
def migrated_template(postgres_url: str) -> str:
    """The name of a database with all tables: to copy it takes a tenth of what the migrations take."""
    url = create_database(postgres_url)
    asyncio.run(migrate(url))
    return str(make_url(url).database)


@pytest.fixture(scope="module")
def database_url(postgres_url: str, migrated_template: str) -> Iterator[str]:
    """A database of this module's own, with all tables."""
    with own_database(postgres_url, migrated_template) as url:
        yield url


EMPTYING = "; ".join(
    (
        "SET session_replication_role = replica",  # no triggers, or the audit log could not be emptied, and no foreign keys
        # TRUNCATE, which makes new files for all tables and indexes, takes five times as long as what a test left here.
        *(f"DELETE FROM {table.name}" for table in JobRow.metadata.sorted_tables),
        "SELECT setval(oid::regclass, 1, false) FROM pg_class WHERE relkind = 'S'",
        "RESET session_replication_role",
    )
)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The module's database, emptied."""
    database = Database(database_url)
    async with database.engine.connect() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        await driver.execute(EMPTYING)  # one round trip, and one transaction
    yield database
    await database.dispose()
