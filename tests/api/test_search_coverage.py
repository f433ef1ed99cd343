"""How far an archive is embedded: /status, searches, and the tools of agents."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.stages import Stages
from services.search import coverage, indexer
from services.search.indexer import BATCH
from settings import Settings
from storage.postgres.database import Database
from storage.search import pending_vectors, vector_index
from tests.storage.archive import add_talk
from tests.storage.transcripts import MODEL
from tests.storage.waiting import await_lock_waiter
from tests.support.application import Application, running, serving
from tests.support.command_line import vivavoce_here
from tests.support.held_texts import DIMENSION, HeldTexts, until_embedded

LINES = 3 * BATCH - 4
HELD = HeldTexts(99)
PART = {"covered": BATCH, "segments": LINES}
ALL = {"covered": LINES, "segments": LINES}


@pytest.fixture(autouse=True)
def current(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts are not kept."""
    monkeypatch.setattr(coverage, "WAITING_MAX_AGE_S", -1.0)


def stages_with(text: HeldTexts | None) -> Stages[Any]:
    nobody: Any = None
    return Stages(nobody, nobody, nobody, nobody, text=text)


async def of_status(application: Application) -> Any:
    return (await application.client.get("/status")).json()["search_by_meaning"]


async def of_search(application: Application, **params: str) -> Any:
    return (await application.client.get("/search", params={"q": "line", **params})).json()["coverage"]


async def test_clients_see_how_far_an_archive_is_embedded(database: Database, database_url: str, tmp_path: Path) -> None:
    async with database.session() as session:
        await add_talk(session, [None], LINES)
    first = HeldTexts(1)
    async with running(Settings(), database_url, tmp_path, stages_with(first), MODEL) as application:
        await until_embedded(database, first.model, BATCH)
        assert await of_status(application) == PART
        assert await of_search(application) == PART
        assert await of_search(application, mode="words") is None
        first.goes_on.set()
        await until_embedded(database, first.model, LINES)
        assert await of_status(application) == ALL
        assert await of_search(application) is None


async def test_an_index_that_is_lost_is_built_again_while_there_is_nothing_to_embed(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    async with database.session() as session:
        await add_talk(session, [None], LINES)
    held = HeldTexts(99)
    lost = vector_index.name_of(held.model, DIMENSION)
    async with running(Settings(), database_url, tmp_path, stages_with(held), MODEL) as application:
        await until_embedded(database, held.model, LINES)
        async with database.session() as session:
            await vector_index.drop(session, lost)
        application.context.notifications.texts.set()  # the program looks for work
        async with asyncio.timeout(120):
            while not await is_valid(database, lost):  # noqa: ASYNC110  # PostgreSQL sends no event for it
                await asyncio.sleep(0.02)


@pytest.fixture
async def index_of_an_earlier_version(
    database: Database, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    """The name of the index of four segments, made with another M."""
    async with database.session() as session:
        await add_talk(session, [None], 4)
        # An earlier test may have made it: tests empty tables, and keep indexes.
        await vector_index.drop(session, vector_index.name_of(HELD.model, DIMENSION))
    with monkeypatch.context() as earlier:
        earlier.setattr(vector_index, "M", 16)
        async with running(Settings(), database_url, tmp_path, stages_with(HELD), MODEL):
            await until_embedded(database, HELD.model, 4)
        old = vector_index.name_of(HELD.model, DIMENSION)
    assert await is_valid(database, old)
    return old


async def test_an_index_of_an_earlier_version_is_replaced(
    database: Database, database_url: str, tmp_path: Path, index_of_an_earlier_version: str
) -> None:
    async with running(Settings(), database_url, tmp_path, stages_with(HELD), MODEL), asyncio.timeout(120):
        while await is_valid(database, index_of_an_earlier_version):  # noqa: ASYNC110  # PostgreSQL sends no event for it
            await asyncio.sleep(0.02)
    assert await is_valid(database, vector_index.name_of(HELD.model, DIMENSION))


async def test_new_texts_are_embedded_while_an_index_is_built(
    database: Database, database_url: str, tmp_path: Path, index_of_an_earlier_version: str
) -> None:
    async with database.engine.connect() as other:
        await other.execute(text("LOCK TABLE segment_vectors IN ROW EXCLUSIVE MODE"))  # no index is built meanwhile
        async with running(Settings(), database_url, tmp_path, stages_with(HELD), MODEL):
            async with database.session() as watcher:
                await await_lock_waiter(watcher)
            async with database.session() as session:
                await add_talk(session, [None], 4)
            await until_embedded(database, HELD.model, 8)
            assert await is_valid(database, index_of_an_earlier_version)
            assert not await is_valid(database, vector_index.name_of(HELD.model, DIMENSION))


async def test_no_vectors_are_removed_for_a_model_that_was_replaced_meanwhile(
    database: Database, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with database.session() as session:
        await add_talk(session, [None], 4)
    removes, goes_on = asyncio.Event(), asyncio.Event()
    remove_some = vector_index.remove_some

    async def remove_later(session: AsyncSession, model: str) -> int:
        removes.set()
        await goes_on.wait()
        return await remove_some(session, model)

    first, second = HeldTexts(99), HeldTexts(99, "second-sentences")
    async with running(Settings(), database_url, tmp_path, stages_with(first), MODEL):
        await until_embedded(database, first.model, 4)
    monkeypatch.setattr(vector_index, "remove_some", remove_later)
    async with running(Settings(), database_url, tmp_path, stages_with(second), MODEL):
        await asyncio.wait_for(removes.wait(), 120)
        second.model = "third-sentences"  # as after an update of the stage alone
        async with database.session() as session:
            await add_talk(session, [None], 4)
        await until_embedded(database, second.model, 8)
        goes_on.set()
        await until_embedded(database, "second-sentences", 0)
        await until_embedded(database, first.model, 0)
        await until_embedded(database, second.model, 8)


async def test_texts_whose_vectors_cannot_be_stored_are_left_to_any_process(
    database: Database,
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with database.session() as session:
        await add_talk(session, [None], 4)
        await session.execute(text("ALTER TABLE segment_vectors ADD CONSTRAINT none CHECK (model = '') NOT VALID"))
    try:
        monkeypatch.setattr(indexer, "RETRY_DELAY_S", 3600)
        async with running(Settings(), database_url, tmp_path, stages_with(HELD), MODEL), asyncio.timeout(120):
            while "Texts could not be embedded" not in caplog.text:  # noqa: ASYNC110  # a log has no event to wait for
                await asyncio.sleep(0.02)
            async with database.session() as session:
                assert len(await pending_vectors.claim(session, BATCH)) == 4
    finally:
        async with database.session() as session:
            await session.execute(text("ALTER TABLE segment_vectors DROP CONSTRAINT none"))


async def is_valid(database: Database, index: str) -> bool:
    async with database.session() as session:
        return bool(await session.scalar(vector_index.IS_VALID, {"name": index}))


async def test_another_model_begins_with_nothing(database: Database, database_url: str, tmp_path: Path) -> None:
    async with database.session() as session:
        await add_talk(session, [None], LINES)
    first, second = HeldTexts(99), HeldTexts(1, "other-sentences")
    async with running(Settings(), database_url, tmp_path, stages_with(first), MODEL) as application:
        await until_embedded(database, first.model, LINES)
        # The program has started with another model, and has queued nothing for it yet.
        assert await application.context.search.coverage.read(second.model) == coverage.Coverage(0, LINES)
        assert await application.context.search.coverage.incomplete(second.model) == coverage.Coverage(0, LINES)
        assert await of_status(application) == ALL
    async with running(Settings(), database_url, tmp_path, stages_with(second), MODEL) as application:
        await until_embedded(database, second.model, BATCH)
        assert await of_status(application) == PART
        second.goes_on.set()
        await until_embedded(database, second.model, LINES)
        assert await of_status(application) == ALL


async def test_a_few_new_segments_are_not_reported_by_searches(database: Database, database_url: str, tmp_path: Path) -> None:
    async with database.session() as session:
        await add_talk(session, [None], 4)
    text = HeldTexts(0)
    async with running(Settings(), database_url, tmp_path, stages_with(text), MODEL) as application, asyncio.timeout(120):
        while await of_search(application) is not None:  # noqa: ASYNC110  # until the archive is in the queue
            await asyncio.sleep(0.02)
        assert await of_status(application) == {"covered": 0, "segments": 4}


async def test_without_a_model_there_is_no_coverage(database_url: str, tmp_path: Path) -> None:
    async with running(Settings(), database_url, tmp_path, stages_with(None), MODEL) as application:
        assert await of_status(application) is None


async def test_agents_and_the_command_read_it_as_a_sentence(database: Database, database_url: str, tmp_path: Path) -> None:
    text = HeldTexts(1)
    async with database.session() as session:
        await add_talk(session, [None], LINES)

    async def filled(database: Database) -> None:
        await until_embedded(database, text.model, BATCH)

    sentence = f"Search by meaning covers {BATCH} of {LINES} segments so far."
    with serving(Settings(), database_url, tmp_path, MODEL, filled, stages_with(text)) as address:
        async with Client(f"{address}/mcp") as client:
            found = (await client.call_tool("search_transcripts", {"query": "line"})).structured_content
        assert found is not None
        assert found["note"] == sentence
        printed = await asyncio.to_thread(vivavoce_here, "search", "line", "--url", address)
        assert printed.stdout.splitlines()[-1] == sentence
        text.goes_on.set()
