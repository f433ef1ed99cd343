"""Clients who change the same things at once: the short version of `benchmarks.reliability.contention`, without models."""

from collections.abc import Iterator

import pytest

from benchmarks.reliability import contention
from services.identity import transcripts
from settings import Settings
from storage.conversations import conversations
from storage.postgres.database import Database
from tests.storage.people import talk
from tests.storage.transcripts import MODEL, RULES, near, voice
from tests.support.application import serving

SETTINGS = Settings(speaker_threshold=RULES.voice.speaker_threshold)


async def fill(database: Database) -> None:
    """Four conversations, in which two of the voices are heard again and again."""
    for number in range(4):
        voices = [near(voice(1), 0.9), near(voice(2), 0.8 + 0.05 * number), voice(50 + number), None]
        async with database.session() as session:
            id_ = await conversations.create(session, "A talk", None, "flac")
            await transcripts.save(session, id_, talk(voices, lines=12), RULES)


@pytest.fixture(scope="module")
def address(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(SETTINGS, database_url, tmp_path_factory.mktemp("audio"), MODEL, fill) as address:
        yield f"{address}/api/v1"


async def test_whatever_clients_do_at_once_the_archive_agrees_with_itself(address: str, database_url: str) -> None:
    tally = await contention.torment(address, clients=20, seed=1, acts=10, hearing=False)
    database = Database(database_url)
    try:
        tally.faults += await contention.violations(database)
        await contention.undo_all(address, tally)
        tally.faults += await contention.violations(database)
    finally:
        await database.dispose()
    assert tally.faults == []
    asked = {act for act, _ in tally.answers}
    assert asked >= {"identify", "reassign", "rename", "merge", "delete speaker", "undo", "misidentified", "correct emotion"}
    changed = {act for act, status in tally.answers if status == 200}
    assert changed >= {"identify", "correct emotion"}  # of the rarer acts chance may have all meet somebody who is gone
