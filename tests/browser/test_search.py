"""Search in the archive: hits by meaning are marked, and filters that were read from the query can be removed."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import BrowserContext, expect
from sqlalchemy import text, update

from engines.in_process import load_text_embedder
from pipeline.stages import Stages
from services.search import understanding
from services.search.indexer import BATCH
from settings import Settings
from storage.postgres.database import Database
from storage.search import pending_vectors
from storage.tables import Conversation
from tests.browser.checks import check_accessibility, open_page
from tests.storage.archive import add_speaker, add_talk
from tests.storage.transcripts import MODEL
from tests.support import clock
from tests.support.application import serving
from tests.support.held_texts import HeldTexts, until_embedded

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LINES = ("The marketing budget was cut.", "Where is the dog?", "We spend less on adverts.", "It rains.")


async def fill(database: Database) -> None:
    async with database.session() as session:
        people = [await add_speaker(session, name, seed) for seed, name in enumerate(("Nick Miller", "Bo"))]
        await add_talk(session, people)
        await session.execute(update(Conversation).values(start_time=NOON))
        for position, line in enumerate(LINES):
            await session.execute(
                text("UPDATE segments SET text = :line WHERE position = :position"), {"line": line, "position": position}
            )
    async with asyncio.timeout(120):
        while True:
            async with database.session() as session:
                if not await pending_vectors.count(session):
                    return
            await asyncio.sleep(0.05)


@pytest.fixture
def address(database: Database, database_url: str, directory: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    clock.stop(monkeypatch, understanding, NOON + timedelta(hours=1))
    nobody: Any = None
    stages: Stages[Any] = Stages(nobody, nobody, nobody, nobody, text=load_text_embedder(Settings(cpu_threads=1)))
    with serving(Settings(speaker_threshold=0.5), database_url, directory, MODEL, fill, stages) as address:
        yield address


async def test_a_question_finds_what_means_the_same_of_whom_it_names(window: BrowserContext, address: str) -> None:
    page, shown = await open_page(window, address)
    await page.get_by_role("searchbox", name="Find what was said").fill("what did Nick say about budget today")
    hits = page.get_by_role("region", name="What was said").get_by_role("listitem")
    await expect(hits).to_have_count(2)
    await expect(hits.filter(has_text="≈ similar")).to_have_count(1)
    await expect(hits.filter(has_text="≈ similar")).to_contain_text("We spend less on adverts.")
    filters = page.get_by_role("group", name="Read from the query")
    await expect(filters).to_contain_text("Nick Miller")
    await expect(filters).to_contain_text("today")
    await check_accessibility(page)
    await filters.get_by_role("button", name="Remove the filter Nick Miller").click()
    await expect(hits).to_have_count(4)
    await expect(page.get_by_role("searchbox", name="Find what was said")).to_have_value("budget")
    await expect(filters).to_have_count(0)
    assert shown == []


async def test_hits_with_the_words_come_before_those_that_are_similar(window: BrowserContext, address: str) -> None:
    page, shown = await open_page(window, address)
    await page.get_by_role("searchbox", name="Find what was said").fill("adverts")
    hits = page.get_by_role("region", name="What was said").get_by_role("listitem")
    await expect(hits).to_contain_text([LINES[2], LINES[0], LINES[1], LINES[3]])
    assert shown == []


async def test_filters_of_conversations_keep_what_means_the_same(
    window: BrowserContext, address: str, database: Database
) -> None:
    """No conversation has all words of the question; one has the tag, and is as long as it should be."""
    async with database.session() as session:
        await session.execute(text("UPDATE conversations SET duration = 600"))
        await session.execute(
            text("INSERT INTO conversation_tags (conversation_id, name) SELECT id, 'plans' FROM conversations")
        )
    page, shown = await open_page(window, f"{address}/?q=what+did+Nick+say+about+budget+today&tag=plans&min=5")
    hits = page.get_by_role("region", name="What was said").get_by_role("listitem")
    await expect(hits).to_have_count(2)
    await page.goto(f"{address}/?q=what+did+Nick+say+about+budget+today&tag=plans&min=15")
    await expect(page.get_by_role("region", name="What was said")).to_be_visible()
    await expect(hits).to_have_count(0)
    await page.goto(f"{address}/?q=what+did+Nick+say+about+budget+today&tag=other")
    await expect(page.get_by_role("region", name="What was said")).to_be_visible()
    await expect(hits).to_have_count(0)
    assert shown == []


async def test_the_page_says_how_far_an_archive_is_embedded_until_it_is(
    window: BrowserContext, database: Database, database_url: str, directory: Path
) -> None:
    nobody: Any = None
    texts, lines = HeldTexts(1), 3 * BATCH

    async def archive(database: Database) -> None:
        async with database.session() as session:
            await add_talk(session, [None], lines)
        await until_embedded(database, texts.model, BATCH)

    stages: Stages[Any] = Stages(nobody, nobody, nobody, nobody, text=texts)
    with serving(Settings(), database_url, directory, MODEL, archive, stages) as address:
        page, shown = await open_page(window, address)
        await page.get_by_role("searchbox", name="Find what was said").fill("line")
        coverage = page.get_by_text(f"Search by meaning covers {BATCH} of {lines} segments")
        await expect(coverage).to_be_visible()
        await check_accessibility(page)
        texts.goes_on.set()
        await expect(coverage).to_have_count(0)
        await expect(page.get_by_text("Search by meaning covers")).to_have_count(0)
        assert shown == []
