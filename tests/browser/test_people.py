"""The screen of people: naming a voice, suggestions, samples, merging, and undoing it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, Locator, Page, expect

from pipeline.types import Voiceprint
from services.identity import speaker_admin, transcripts
from storage.audio import AudioStore
from storage.conversations import conversations
from storage.postgres.database import Database
from tests.browser.checks import check_accessibility, open_page
from tests.browser.conftest import SETTINGS
from tests.storage.people import talk
from tests.storage.transcripts import MODEL, RULES, near, voice
from tests.support.application import serving
from vivavoce.sample import recording


@pytest.fixture
def address(database: Database, database_url: str, directory: Path) -> Iterator[str]:
    """Two recordings of a voice without a name, one of a voice like it, and a named speaker."""

    async def fill(own: Database) -> None:
        key = await AudioStore(str(directory)).put(recording(), recording().suffix)
        for title, vector in (("Kitchen", voice(1)), ("Office", voice(1)), ("Garden", near(voice(1), 0.45))):
            async with own.session() as session:
                id_ = await conversations.create(session, title, key, "flac")
                await transcripts.save(session, id_, talk([vector]), RULES)
        async with own.session() as session:
            await speaker_admin.enroll(session, RULES, "Ada", Voiceprint(voice(9), MODEL))

    with serving(SETTINGS, database_url, directory, MODEL, fill) as address:
        yield address


async def names_in(page: Page, address: str, conversation: int) -> set[str]:
    answer = await page.request.get(f"{address}/api/v1/conversations/{conversation}")
    return {segment["speaker_name"] for segment in (await answer.json())["segments"]}


def row(page: Page, name: str) -> Locator:
    """The entry of a speaker, with its heading."""
    return page.get_by_role("listitem").filter(has=page.get_by_role("heading", name=name, exact=True))


async def test_a_name_given_in_one_place_is_in_every_conversation(window: BrowserContext, address: str) -> None:
    page, shown = await open_page(window, f"{address}/people")
    await row(page, "Unknown 01").get_by_role("button", name="Name this voice").click()
    popover = page.get_by_role("dialog", name="Who is this?")
    await expect(popover).to_contain_text("2 conversations")
    await expect(popover.get_by_role("combobox", name="Name")).to_be_focused()
    await page.keyboard.type("Nick")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Nick")).to_be_visible()
    assert [await names_in(page, address, one) for one in (1, 2, 3)] == [{"Nick"}, {"Nick"}, {"Unknown_02"}]
    await page.get_by_role("button", name="Undo", exact=True).click()
    await expect(page.get_by_role("heading", name="Unknown 01")).to_be_visible()
    assert await names_in(page, address, 1) == {"Unknown_01"}
    assert shown == []


async def test_a_suggestion_is_turned_down_and_that_is_taken_back(window: BrowserContext, address: str) -> None:
    page, shown = await open_page(window, f"{address}/people")
    voice_row = row(page, "Unknown 02")
    await expect(voice_row).to_contain_text("Sounds like Unknown 01 (0.45 similar)")
    await voice_row.get_by_role("button", name="Different person").click()
    await expect(voice_row).not_to_contain_text("Sounds like")
    await page.reload()
    await expect(row(page, "Unknown 02").get_by_role("button", name="Name this voice")).to_be_visible()
    await expect(voice_row).not_to_contain_text("Sounds like")
    assert shown == []


async def test_a_suggestion_is_followed(window: BrowserContext, address: str) -> None:
    page, _ = await open_page(window, f"{address}/people")
    await row(page, "Unknown 02").get_by_role("button", name="Same person").click()
    await expect(row(page, "Unknown 02")).to_have_count(0)
    await expect(row(page, "Unknown 01")).to_contain_text("3 conversations")
    assert await names_in(page, address, 3) == {"Unknown_01"}


async def test_a_person_is_renamed_merged_deleted_and_restored(window: BrowserContext, address: str) -> None:
    page, _ = await open_page(window, f"{address}/people")

    async def choose(name: str, entry: str) -> None:
        await row(page, name).get_by_role("button", name=f"More about {name}").click()
        await page.get_by_role("menuitem", name=entry).click()

    await choose("Ada", "Rename")
    await page.get_by_role("textbox", name="New name").fill("Ada L.")
    await page.keyboard.press("Enter")
    await choose("Ada L.", "Delete")
    await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    history = page.get_by_role("region", name="Recent changes")
    await expect(history).to_contain_text("Ada L. was deleted")  # read again: what it shows last is undone
    await expect(row(page, "Ada L.")).to_have_count(0)
    await page.get_by_role("button", name="Undo the last change").click()
    await expect(row(page, "Ada L.")).to_be_visible()
    await expect(history).to_contain_text("Ada was renamed to Ada L.")
    await expect(history).to_contain_text("undone")


async def test_people_are_accessible_also_where_a_voice_is_named(window: BrowserContext, address: str) -> None:
    page, shown = await open_page(window, f"{address}/people")
    await expect(row(page, "Unknown 01").get_by_role("button", name="Hear 0:00, Kitchen")).to_be_visible()
    await check_accessibility(page)
    await row(page, "Unknown 01").get_by_role("button", name="Name this voice").click()
    await expect(page.get_by_role("option")).to_have_count(1)
    await check_accessibility(page)
    assert shown == []
