"""An application with its database, recordings and temporary files below one directory, which tests can search."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.stages import Stages
from settings import Settings
from storage.postgres.database import Database, migrate
from tests.storage.transcripts import MODEL
from tests.support import fast_postgres, traces
from tests.support.application import Application, running
from tests.support.directories import open_directory
from tests.support.fixed_stages import FixedStages


@dataclass(frozen=True)
class Installation:
    application: Application
    directory: Path

    @property
    def database(self) -> Database:
        return self.application.context.database

    async def traces(self, forms: list[bytes]) -> set[str]:
        """The tables, indexes and files with one of the forms."""
        return await traces.relations_with(self.database, self.directory, forms)


@pytest.fixture(scope="module")
def own_server() -> Iterator[tuple[str, Path]]:
    """A server of the module's own, with all tables, and the directory of the installation."""
    with open_directory() as directory, fast_postgres.serve(directory / "postgres") as url:
        asyncio.run(migrate(url))
        yield url, directory


@pytest.fixture
async def installation(own_server: tuple[str, Path]) -> AsyncIterator[Installation]:
    url, directory = own_server
    fixed = FixedStages()
    settings = Settings(data_path=directory, speaker_threshold=0.5)
    stages = Stages(fixed, fixed, fixed, fixed)
    async with running(settings, url, directory / "audio", stages, MODEL) as application:
        await traces.store_uncompressed(application.context.database)
        yield Installation(application, directory)
