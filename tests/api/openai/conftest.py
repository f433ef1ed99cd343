"""The application behind a real HTTP server, and the official client of OpenAI's API."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from openai import AsyncOpenAI

from pipeline.stages import Stages
from settings import Settings
from storage.postgres.database import Database
from tests.storage.transcripts import MODEL
from tests.support.application import Application, running
from tests.support.fixed_stages import FixedStages
from tests.support.serving import serving


@dataclass(frozen=True)
class Served:
    application: Application
    address: str
    directory: Path

    def kept(self) -> list[Path]:
        """The recordings in the audio store."""
        return [path for path in self.directory.rglob("*") if path.is_file()]


@asynccontextmanager
async def serve(
    settings: Settings, database_url: str, directory: Path, stages: Stages[Any], model: str = MODEL
) -> AsyncIterator[Served]:
    audio = directory / "audio"
    async with running(settings, database_url, audio, stages, model) as application, serving(application.app) as address:
        yield Served(application, address, audio)


def official(served: Served, api_key: str = "none") -> AsyncOpenAI:
    """The official client; by default it gives a server five seconds to accept a connection."""
    return AsyncOpenAI(base_url=f"{served.address}/v1", api_key=api_key, max_retries=0, timeout=600)


@pytest.fixture
def stages() -> FixedStages:
    return FixedStages()


@pytest.fixture
async def served(database: Database, database_url: str, tmp_path: Path, stages: FixedStages) -> AsyncIterator[Served]:
    settings = Settings(max_upload_mb=2, speaker_threshold=0.5)
    async with serve(settings, database_url, tmp_path, Stages(stages, stages, stages, stages)) as served:
        yield served


@pytest.fixture
async def client(served: Served) -> AsyncIterator[AsyncOpenAI]:
    async with official(served) as client:
        yield client
