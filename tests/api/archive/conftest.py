"""An application without models; the tests add its conversations."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from settings import Settings
from storage.postgres.database import Database
from tests.storage.transcripts import MODEL
from tests.support.application import Application, answering, connected, no_stages


@pytest.fixture
async def application(database: Database, database_url: str, tmp_path: Path) -> AsyncIterator[Application]:
    async with (
        connected(Settings(data_path=tmp_path), database_url, tmp_path / "audio", no_stages(), MODEL) as context,
        answering(context) as application,
    ):
        yield application
