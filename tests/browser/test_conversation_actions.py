"""What is done with a whole conversation on its screen: it is loaded again, its voices are matched again, and it is erased."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, expect

from services.identity import transcripts
from storage.audio import AudioStore
from storage.backups import backups
from storage.backups.snapshots import Running
from storage.conversations import conversations
from storage.postgres.database import Database
from tests.browser.checks import check_accessibility
from tests.browser.conftest import SETTINGS, TIMEOUT_MS
from tests.browser.test_conversation import open_conversation
from tests.browser.test_uploads import files
from tests.storage.archive import add_speaker
from tests.storage.transcripts import MODEL, RULES, transcript, voice
from tests.support.application import serving
from vivavoce.sample import recording

REMATCHED, ERASED = 1, 2
"""Conversations."""


@pytest.fixture(scope="module")
def address(database_url: str, directory: Path) -> Iterator[str]:
    """Two conversations of an unknown voice, that of Ada, of whom a sample was stored later; and a profile of it all."""

    async def fill(database: Database) -> None:
        for title in ("To match", "To erase"):
            key = await AudioStore(str(directory)).put(recording(), recording().suffix)
            async with database.session() as session:
                id_ = await conversations.create(session, title, key, "flac")
                await transcripts.save(session, id_, transcript([voice(1)]), RULES)
        async with database.session() as session:
            await add_speaker(session, "Ada", 1)
            await backups.create(session, Running(SETTINGS, MODEL), "home", None)

    with serving(SETTINGS, database_url, directory, MODEL, fill) as address:
        yield address


async def test_a_recording_that_could_not_be_loaded_is_played_where_it_was(window: BrowserContext, address: str) -> None:
    sound = f"{address}/api/v1/conversations/{REMATCHED}/audio*"
    await window.route(sound, lambda route: route.abort())
    page, _ = await open_conversation(window, address, f"{REMATCHED}?t=3")
    again = page.get_by_role("button", name="Load the recording again and play it")
    await expect(again).to_be_visible()
    await expect(page.get_by_text("The recording cannot be played.")).to_be_visible()
    await page.get_by_role("combobox", name="Speed").select_option("1.5")
    async with page.expect_event("requestfailed"):
        await again.click()
    await expect(again).to_be_visible()
    await window.unroute(sound)
    await again.click()
    await page.wait_for_function("() => audio.currentTime > 3.5")
    assert await page.evaluate("[played.at(-1), audio.playbackRate]") == [pytest.approx(3), 1.5]
    await page.get_by_role("button", name="Pause").click()
    await expect(page.get_by_text("The recording cannot be played.")).to_have_count(0)


async def test_voices_are_matched_with_the_people_who_are_known_now(window: BrowserContext, address: str) -> None:
    page, shown = await open_conversation(window, address, f"{REMATCHED}")
    await expect(page.get_by_role("heading", name="Unknown 01")).to_be_visible()
    await page.get_by_role("button", name="More", exact=True).click()
    await page.get_by_role("menuitem", name="Match the voices again").click()
    await page.get_by_role("dialog").get_by_role("button", name="Match again").click()
    await expect(page.get_by_text("1 voice is somebody else now.", exact=True)).to_be_visible()
    await expect(page.get_by_role("heading", name="Ada")).to_be_visible()
    await expect(page.get_by_role("heading", name="Unknown 01")).to_have_count(0)
    assert shown == []


async def test_a_conversation_is_erased_everywhere(window: BrowserContext, address: str, directory: Path) -> None:
    page, shown = await open_conversation(window, address, f"{ERASED}")
    profile = f"{address}/api/v1/profiles/download/home"
    assert [one["conversation_id"] for one in (await (await page.request.get(profile)).json())["participants"]] == [1, 2]
    await page.get_by_role("button", name="More", exact=True).click()
    await page.get_by_role("menuitem", name="Erase for good").click()
    dialog = page.get_by_role("dialog", name="Erase To erase?")
    await check_accessibility(page)
    await dialog.get_by_role("button", name="Erase for good").click()
    await page.wait_for_url(f"{address}/")
    await expect(page.get_by_text("To erase is erased.", exact=True)).to_be_visible()
    await expect(page.get_by_role("list", name="Conversations", exact=True).locator("a")).to_have_text(["To match"])
    assert (await page.request.get(f"{address}/api/v1/conversations/{ERASED}")).status == 404
    assert [one["conversation_id"] for one in (await (await page.request.get(profile)).json())["participants"]] == [1]
    async with asyncio.timeout(TIMEOUT_MS / 1000):  # peaks that were computed meanwhile are deleted once they are there
        while len({name.partition(".")[0] for name in files(directory)}) != 1:  # noqa: ASYNC110  # the other recording
            await asyncio.sleep(0.05)
    assert [line for line in shown if "404" not in line] == []  # the page may request it once more before it leaves
