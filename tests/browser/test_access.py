"""The page where a login is required: the login itself, keys and accounts, and what a reader sees."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.async_api import BrowserContext, Page, expect

from pipeline.access import Role
from settings import Settings
from storage.postgres.database import Database
from tests.api.access.people import PASSWORD, add
from tests.browser.checks import check_accessibility, open_page
from tests.storage.transcripts import MODEL
from tests.support.application import serving


@pytest.fixture
def address(database: Database, database_url: str, directory: Path) -> Iterator[str]:
    """An administrator and a reader, who log in with passwords."""
    settings = Settings(auth="required", data_path=directory, speaker_threshold=0.5)

    async def fill(own: Database) -> None:
        await add(own, "admin", Role.ADMIN)
        await add(own, "rita", Role.READER)

    with serving(settings, database_url, directory, MODEL, fill) as address:
        yield address


async def log_in(page: Page, name: str, password: str = PASSWORD) -> None:
    await page.get_by_role("textbox", name="Name").fill(name)
    await page.get_by_label("Password").fill(password)
    await page.get_by_role("button", name="Log in", exact=True).click()


async def test_a_wrong_password_is_told_and_the_right_one_enters(window: BrowserContext, address: str) -> None:
    page, _ = await open_page(window, f"{address}/settings/access")
    await log_in(page, "admin", "not the password, but long")
    await expect(page.get_by_text("The name or the password is wrong")).to_be_visible()
    await check_accessibility(page)
    await log_in(page, "admin")
    await expect(page.get_by_text("Logged in as admin, administrator.")).to_be_visible()
    await page.get_by_role("button", name="Log out").click()
    await expect(page.get_by_role("heading", name="Log in to Vivavoce")).to_be_visible()


async def test_a_key_is_shown_once_works_and_is_revoked(window: BrowserContext, address: str) -> None:
    page, _ = await open_page(window, f"{address}/settings/access")
    await log_in(page, "admin")
    await page.get_by_role("button", name="Create a key").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("textbox", name="What it is for").fill("laptop")
    await dialog.get_by_role("button", name="Create", exact=True).click()
    created = page.get_by_role("dialog", name="The key for laptop")
    key = await created.locator("pre").inner_text()
    await page.get_by_role("button", name="Done").click()
    await expect(created).to_have_count(0)
    async with httpx.AsyncClient(base_url=address, headers={"Authorization": f"Bearer {key}"}, timeout=120) as client:
        assert (await client.get("/api/v1/jobs")).status_code == 200
    assert key not in await page.content()
    await page.get_by_role("button", name="Revoke the key laptop").click()
    await page.get_by_role("dialog").get_by_role("button", name="Revoke", exact=True).click()
    await expect(page.get_by_role("dialog")).to_have_count(0)  # it hides what is behind it
    await expect(page.get_by_role("button", name="Revoke the key laptop")).to_have_count(0)
    keys = (await (await page.request.get(f"{address}/api/v1/keys")).json())["keys"]
    assert [one["revoked_at"] is not None for one in keys if one["name"] == "laptop"] == [True]


async def test_a_reader_sees_nothing_that_changes_settings(window: BrowserContext, address: str) -> None:
    page, _ = await open_page(window, f"{address}/settings/voice")
    await log_in(page, "rita")
    await expect(page.get_by_text("Only an administrator can change this.")).to_be_visible()
    await expect(page.get_by_role("spinbutton").first).to_be_disabled()
    await expect(page.get_by_role("button", name="Save")).to_have_count(0)
    sections = page.get_by_role("navigation", name="Sections").get_by_role("link")
    assert "Backups" not in await sections.all_inner_texts()
    await sections.get_by_text("Access").click()
    await expect(page.get_by_text("Logged in as rita, reader.")).to_be_visible()
    await expect(page.get_by_role("heading", name="API keys")).to_have_count(0)
    await check_accessibility(page)
