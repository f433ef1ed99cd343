"""The settings of the page on a machine of one's own: there is no login, and everything may be changed."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, Page, expect

from pipeline.stages import Stages
from services.identity import speaker_admin
from storage.postgres.database import Database
from tests.api.test_vocabulary import Few
from tests.browser.checks import check_accessibility, open_page
from tests.browser.conftest import SETTINGS
from tests.storage.archive import add_speaker, add_talk
from tests.storage.transcripts import MODEL
from tests.support.application import serving

SECTIONS = ("browser", "voice", "vocabulary", "models", "summaries", "backups", "access", "operators", "connect")
ENGLISH = {
    "This browser",
    "Voices",
    "Vocabulary",
    "Models",
    "Summaries",
    "Backups",
    "Access",
    "Operation",
    "Connect",
    "Settings",
    "Keys",
}


@pytest.fixture
def address(database: Database, database_url: str, directory: Path) -> Iterator[str]:
    """A conversation of two speakers, one of them named."""

    async def fill(own: Database) -> None:
        async with own.session() as session:
            await add_talk(session, [await add_speaker(session, name, seed) for seed, name in enumerate(("Ana", "Unknown_01"))])

    stages = Few()
    with serving(SETTINGS, database_url, directory, MODEL, fill, Stages(stages, stages, stages, stages)) as address:
        yield address


async def open_section(page: Page, name: str) -> None:
    await page.get_by_role("navigation", name="Sections").get_by_role("link", name=name).click()
    await expect(page.get_by_role("heading", level=2, name=name, exact=True)).to_be_visible()


async def test_language_and_theme_stay_after_a_reload(window: BrowserContext, address: str) -> None:
    page, shown = await open_page(window, f"{address}/settings")
    await page.get_by_text("Deutsch", exact=True).click()
    await expect(page.get_by_role("heading", level=1, name="Einstellungen")).to_be_visible()
    await page.get_by_text("Dunkel", exact=True).click()
    await page.reload()
    await expect(page.get_by_role("heading", level=1, name="Einstellungen")).to_be_visible()
    await expect(page.get_by_role("radio", name="Dunkel")).to_be_checked()
    assert await page.evaluate("[document.documentElement.lang, getComputedStyle(document.documentElement).colorScheme]") == [
        "de",
        "dark",
    ]
    assert shown == []


async def test_the_german_page_has_no_english_headings(window: BrowserContext, address: str) -> None:
    page, _ = await open_page(window, f"{address}/settings")
    await page.get_by_text("Deutsch", exact=True).click()
    links = page.get_by_role("navigation", name="Bereiche").get_by_role("link")
    await expect(links).to_have_count(len(SECTIONS))
    sections = await links.all_inner_texts()
    names = set(sections)
    for name in sections:
        await links.get_by_text(name, exact=True).click()
        await expect(page.get_by_role("heading", level=2, name=name, exact=True)).to_be_visible()
        names |= set(await page.get_by_role("heading").all_inner_texts())
    assert names & ENGLISH == set()
    assert {"Stimmen", "Sicherungen", "API-Schlüssel", "Betrieb"} <= names


async def test_a_voice_setting_is_changed_and_reset(window: BrowserContext, address: str) -> None:
    page, shown = await open_page(window, f"{address}/settings/voice")
    threshold = page.get_by_role("spinbutton", name="Similarity of one voice")
    await expect(threshold).to_have_value("0.5")
    await threshold.fill("0.61")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("Saved.", exact=True)).to_be_visible()
    await page.reload()
    await expect(threshold).to_have_value("0.61")
    await page.get_by_role("button", name="Reset to the defaults").click()
    await page.get_by_role("dialog").get_by_role("button", name="Reset to the defaults").click()
    await expect(threshold).to_have_value("0.5")
    assert shown == []


async def test_a_vocabulary_is_stored_and_too_long_a_one_is_refused(window: BrowserContext, address: str) -> None:
    page, _ = await open_page(window, f"{address}/settings/vocabulary")
    words = page.get_by_role("textbox", name="Hot words")
    await words.fill("Vivavoce\npgvector\n\n")
    await page.get_by_role("button", name="Save").click()
    await expect(words).to_have_value("Vivavoce\npgvector")
    await words.fill("one\ntwo\nthree\nfour\nfive")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("leave out 1 of them, such as five")).to_be_visible()
    await page.reload()
    await expect(words).to_have_value("Vivavoce\npgvector")


async def test_a_profile_is_saved_and_restored_and_that_is_undone(
    window: BrowserContext, address: str, database: Database
) -> None:
    page, shown = await open_page(window, f"{address}/settings/backups")

    async def names() -> set[str]:
        speakers = await (await page.request.get(f"{address}/api/v1/speakers")).json()
        return {speaker["name"] for speaker in speakers}

    await page.get_by_role("button", name="Save a profile").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("textbox", name="Name").fill("home")
    await dialog.get_by_role("button", name="Save a profile").click()
    await expect(page.get_by_role("heading", name="home")).to_be_visible()
    async with database.session() as session:
        await speaker_admin.rename(session, 1, "Somebody else")
    assert await names() == {"Somebody else", "Unknown_01"}
    await page.get_by_role("button", name="Restore: home").click()
    await page.get_by_role("dialog").get_by_role("button", name="Restore").click()
    await page.get_by_role("button", name="Undo").wait_for()
    assert await names() == {"Ana", "Unknown_01"}
    await expect(page.get_by_role("heading", name="Before restore")).to_be_visible()
    await page.get_by_role("button", name="Undo").click()
    await expect(page.get_by_role("button", name="Undo")).to_have_count(0)
    await expect(page.get_by_text("2 people are restored.", exact=True)).to_be_visible()
    assert await names() == {"Somebody else", "Unknown_01"}
    assert shown == []


async def test_a_profile_travels_as_a_file_and_has_checkpoints(window: BrowserContext, address: str, tmp_path: Path) -> None:
    page, _ = await open_page(window, f"{address}/settings/backups")
    assert (await page.request.post(f"{address}/api/v1/profiles/duplicate", data={"name": "home"})).ok
    await page.reload()
    await page.get_by_role("button", name="More about home").click()
    async with page.expect_download() as downloading:
        await page.get_by_role("menuitem", name="Download").click()
    file = tmp_path / "profile.json"
    await (await downloading.value).save_as(file)
    await page.get_by_label("Import a file").set_input_files(file)
    await expect(page.get_by_role("heading", name="home (2)")).to_be_visible()
    await page.get_by_role("button", name="More about home", exact=True).click()
    await page.get_by_role("menuitem", name="Save a checkpoint").click()
    checkpoints = page.get_by_role("list", name="Checkpoints: home", exact=True)
    await expect(checkpoints.get_by_role("listitem")).to_have_count(1)
    await checkpoints.get_by_role("button", name="Delete").click()
    await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(page.get_by_text("No checkpoint yet.")).to_be_visible()


async def test_the_configurations_name_this_server(window: BrowserContext, address: str) -> None:
    page, _ = await open_page(window, f"{address}/settings/connect")
    await window.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.get_by_role("button", name="Copy: Agents over HTTP (MCP)").click()
    await expect(page.get_by_text("Copied.", exact=True)).to_be_visible()
    assert await page.evaluate("async () => JSON.parse(await navigator.clipboard.readText())") == {"url": f"{address}/mcp"}


async def test_models_and_jobs_are_shown(window: BrowserContext, address: str) -> None:
    page, shown = await open_page(window, f"{address}/settings/models")
    await expect(page.get_by_text(MODEL, exact=True)).to_be_visible()
    await open_section(page, "Operation")
    await page.get_by_text("Completed", exact=True).click()
    await expect(page.get_by_text("No such jobs.")).to_be_visible()
    assert shown == []


@pytest.mark.parametrize("section", SECTIONS)
async def test_every_section_is_accessible(window: BrowserContext, address: str, section: str) -> None:
    page, shown = await open_page(window, f"{address}/settings/{section}")
    await expect(page.get_by_role("heading", level=2).first).to_be_visible()
    await expect(page.get_by_role("status")).to_have_count(0)
    await check_accessibility(page)
    assert shown == []
