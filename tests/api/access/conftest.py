"""An application that requires a login."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from services.access import passwords
from settings import Settings
from storage.access import login_attempts, usage
from storage.postgres.database import Database
from tests.api.access.people import CHEAP
from tests.storage.transcripts import MODEL
from tests.support.application import Application, answering, connected, no_stages

Start = Callable[..., AbstractAsyncContextManager[Application]]


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(passwords, "_hasher", CHEAP)
    passwords._nobodys.cache_clear()
    yield
    passwords._nobodys.cache_clear()


@pytest.fixture
def start(database: Database, database_url: str, tmp_path: Path) -> Start:
    """Start an application on the module's database with settings; several share it, as replicas do."""

    @asynccontextmanager
    async def started(**settings: Any) -> AsyncIterator[Application]:
        chosen = Settings(data_path=tmp_path, **{"auth": "required"} | settings)
        async with connected(chosen, database_url, tmp_path, no_stages(), MODEL) as context, answering(context) as found:
            yield found

    return started


@pytest.fixture
async def application(start: Start) -> AsyncIterator[Application]:
    async with start() as found:
        yield found


@pytest.fixture
def one_period(monkeypatch: pytest.MonkeyPatch) -> None:
    """The period of the login limit does not end during the test, nor is its row deleted as an old one."""
    monkeypatch.setattr(login_attempts, "PERIOD", timedelta(days=10**6))
    monkeypatch.setattr(usage, "KEPT", timedelta(days=10**6))
