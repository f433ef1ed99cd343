"""Clients that change the same conversations: the short version of `benchmarks.reliability.contention`, without models."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from services.identity import transcripts
from settings import Settings
from storage.conversations import conversations
from storage.postgres import database as postgres
from storage.postgres.database import Database
from tests.reliability.clients import TIMEOUT_S
from tests.reliability.contention import run_clients, undo_all
from tests.reliability.invariants import violations
from tests.storage.people import talk
from tests.storage.transcripts import MODEL, RULES, near, voice
from tests.support.application import serving

SETTINGS = Settings(speaker_threshold=RULES.voice.speaker_threshold)


async def fill(database: Database) -> None:
    """Four conversations, all with the same two voices among others."""
    for number in range(4):
        voices = [near(voice(1), 0.9), near(voice(2), 0.8 + 0.05 * number), voice(50 + number), None]
        async with database.session() as session:
            id_ = await conversations.create(session, "A talk", None, "flac")
            await transcripts.save(session, id_, talk(voices, lines=12), RULES)


def _create_patient_engine(url: URL, **options: Any) -> AsyncEngine:
    pooled = "poolclass" not in options
    return create_async_engine(url, **options, **({"pool_timeout": TIMEOUT_S} if pooled else {}))


@pytest.fixture(scope="module")
def address(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        # 20 clients share 10 connections. On a busy machine one may wait longer than the pool's 30 s, which is answered
        # with 503; how long it waits is not what this test is about.
        patch.setattr(postgres, "create_async_engine", _create_patient_engine)
        with serving(SETTINGS, database_url, tmp_path_factory.mktemp("audio"), MODEL, fill) as address:
            yield f"{address}/api/v1"


# One long run: its clients delete what a second one on the same database would need.
@pytest.mark.parametrize(("seed", "actions"), [(1, 10), pytest.param(2, 200, marks=pytest.mark.soak)])
async def test_simultaneous_changes_keep_the_invariants(address: str, database_url: str, seed: int, actions: int) -> None:
    tally = await run_clients(address, clients=20, seed=seed, actions=actions, with_models=False)
    database = Database(database_url)
    try:
        tally.faults += await violations(database)
        await undo_all(address, tally)
        tally.faults += await violations(database)
    finally:
        await database.dispose()
    assert tally.faults == []
    requested = {action for action, _ in tally.answers}
    assert requested >= {
        "identify",
        "reassign",
        "rename",
        "merge",
        "delete speaker",
        "undo",
        "misidentified",
        "correct emotion",
    }
    changed = {action for action, status in tally.answers if status == 200}
    assert changed >= {
        "identify",
        "correct emotion",
    }  # those of a rarer action may all name a deleted speaker
