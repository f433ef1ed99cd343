"""What people with accounts do on the page: a new account from its creation on, and sharing of conversations."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from playwright.async_api import Browser, Locator, Page, expect
from sqlalchemy import update

from pipeline.access import Role, Visibility
from settings import Settings
from storage.audio import AudioStore
from storage.conversations import titles as renaming
from storage.postgres.database import Database
from storage.tables import Conversation
from tests.api.access.people import OTHER_PASSWORD, PASSWORD, add
from tests.browser.checks import check_accessibility, open_page
from tests.browser.conftest import TIMEOUT_MS
from tests.browser.test_access import log_in
from tests.browser.test_conversation import LINES
from tests.browser.test_editing import add_doubtful, editor, segments
from tests.storage.archive import add_speaker, add_talk
from tests.storage.transcripts import MODEL
from tests.support.application import serving
from tests.support.fixed_stages import sound
from vivavoce.sample import recording

OPEN, OWN = "For all", "Of Olga"
"""Conversations: one that everyone sees, and a private one."""
OPEN_ID = 1

Visit = Callable[[str, str], Awaitable[Page]]
"""Opens a path for a person, in a window of their own."""


@pytest.fixture(scope="module")
def address(database_url: str, directory: Path) -> Iterator[str]:
    """An administrator, the writer olga and the reader rita, who log in with passwords."""
    settings = Settings(auth="required", data_path=directory, speaker_threshold=0.5)

    async def fill(database: Database) -> None:
        audio = await AudioStore(str(directory)).put(recording(), recording().suffix)
        await add(database, "admin", Role.ADMIN)
        olga = await add(database, "olga", Role.WRITER)
        await add(database, "rita", Role.READER)
        async with database.session() as session:
            ana, _ = [await add_speaker(session, name) for name in ("Ana", "Ben Stone")]
            await renaming.rename(session, await add_doubtful(session, audio), OPEN)
            private = await add_talk(session, [ana])
            await renaming.rename(session, private, OWN)
            owned = update(Conversation).where(Conversation.id == private)
            await session.execute(owned.values(owner_id=olga.id, visibility=Visibility.PRIVATE))

    with serving(settings, database_url, directory, MODEL, fill) as address:
        yield address


@pytest.fixture
async def visit(browser: Browser, address: str) -> AsyncIterator[Visit]:
    async with AsyncExitStack() as stack:

        async def visit(name: str, path: str) -> Page:
            window = await stack.enter_async_context(await browser.new_context())
            window.set_default_timeout(TIMEOUT_MS)
            if name:
                answer = await window.request.post(f"{address}/api/v1/login", data={"name": name, "password": PASSWORD})
                assert answer.ok, await answer.text()
            return (await open_page(window, f"{address}{path}"))[0]

        yield visit


def titles(page: Page) -> Locator:
    return page.get_by_role("list", name="Conversations", exact=True).locator("a")


async def test_a_person_gets_an_account_and_changes_its_password(visit: Visit, address: str) -> None:
    admin = await visit("admin", "/settings/access")
    await admin.get_by_role("button", name="Create an account").click()
    dialog = admin.get_by_role("dialog", name="Create an account")
    await dialog.get_by_role("textbox", name="Name").fill("nora")
    await dialog.get_by_label("Password").fill("aaaa bbbb aaaa bb")
    await dialog.get_by_role("button", name="Create", exact=True).click()
    await expect(dialog.get_by_role("alert")).to_contain_text("password")  # it is too easy to guess
    await dialog.get_by_label("Password").fill(PASSWORD)
    await dialog.get_by_role("button", name="Create", exact=True).click()
    await expect(admin.get_by_role("list", name="Accounts")).to_contain_text("nora")

    nora = await visit("", "/settings/access")
    await log_in(nora, "nora")
    await expect(nora.get_by_text("Logged in as nora, reader.")).to_be_visible()
    await nora.get_by_role("button", name="Change the password").click()
    await nora.get_by_label("Current password").fill(OTHER_PASSWORD)
    await nora.get_by_label("New password").fill(OTHER_PASSWORD)
    save = nora.get_by_role("dialog").get_by_role("button", name="Change the password")
    await save.click()
    await expect(nora.get_by_text("The password is wrong")).to_be_visible()
    await nora.get_by_label("Current password").fill(PASSWORD)
    await save.click()
    await expect(nora.get_by_text("The password is changed.", exact=True)).to_be_visible()
    await nora.get_by_role("button", name="Log out").click()
    await log_in(nora, "nora")
    await expect(nora.get_by_text("The name or the password is wrong")).to_be_visible()
    await log_in(nora, "nora", OTHER_PASSWORD)
    await expect(titles(nora)).to_have_text([OPEN])
    await expect(nora.get_by_role("button", name="Add recordings")).to_have_count(0)

    await admin.get_by_role("combobox", name="Role of nora").select_option("writer")
    await expect(admin.get_by_text("Changed.", exact=True)).to_be_visible()
    await nora.reload()
    await expect(nora.get_by_role("button", name="Add recordings")).to_be_visible()
    await admin.get_by_role("button", name="More about nora").click()
    await admin.get_by_role("menuitem", name="Disable").click()
    await expect(admin.get_by_role("list", name="Accounts")).to_contain_text("disabled")
    await nora.reload()
    await expect(nora.get_by_role("heading", name="Log in to Vivavoce")).to_be_visible()


async def test_an_owner_shares_a_conversation_and_takes_it_back(visit: Visit, address: str) -> None:
    olga, rita = await visit("olga", "/"), await visit("rita", "/")
    await expect(titles(rita)).to_have_text([OPEN])
    await titles(olga).filter(has_text=OWN).click()

    async def share(page: Page) -> Locator:
        await page.get_by_role("button", name="More", exact=True).click()
        await page.get_by_role("menuitem", name="Share").click()
        dialog = page.get_by_role("dialog", name="Who sees this conversation?")
        await expect(dialog.get_by_role("group", name="Visible to")).to_be_visible()
        return dialog

    dialog = await share(olga)
    await expect(dialog.get_by_role("radio", name="Only the owner")).to_be_checked()
    await expect(dialog.get_by_role("combobox", name="Owner")).to_have_count(0)
    await dialog.get_by_text("Chosen people", exact=True).click()
    await expect(dialog.get_by_role("button", name="Save")).to_be_disabled()
    await dialog.get_by_role("checkbox", name="rita").check()
    await check_accessibility(olga)
    await dialog.get_by_role("button", name="Save").click()
    await expect(olga.get_by_text("Shared with 1 person.", exact=True)).to_be_visible()
    await expect(titles(rita)).to_have_text([OWN, OPEN])  # the list follows by itself

    path = olga.url.removeprefix(address)
    admin = await visit("admin", path)
    dialog = await share(admin)
    await expect(dialog.get_by_role("checkbox", name="rita")).to_be_checked()
    await dialog.get_by_text("Only the owner", exact=True).click()
    await dialog.get_by_role("combobox", name="Owner").select_option("admin")
    await dialog.get_by_role("button", name="Save").click()
    await expect(admin.get_by_text("Only its owner sees it now.", exact=True)).to_be_visible()
    for page in (rita, olga):
        await page.goto(f"{address}{path}")
        await expect(page.get_by_text("Conversation not found")).to_be_visible()


async def test_another_person_who_logs_in_sees_nothing_of_the_former(visit: Visit) -> None:
    page = await visit("admin", "/")
    await expect(titles(page)).to_have_text([OWN, OPEN])
    await page.context.clear_cookies()
    await titles(page).first.click()  # it is refused
    async with page.expect_event("load"):
        await log_in(page, "rita")
    await page.get_by_role("link", name="Archive").click()
    await expect(titles(page)).to_have_text([OPEN])


async def test_a_file_waits_for_the_person_who_added_it(visit: Visit, address: str, tmp_path: Path) -> None:
    """Another person, who logs in in another tab of the browser, does not become the owner."""
    file = tmp_path / "mine.wav"
    file.write_bytes(sound())

    async def stored() -> set[str]:
        answer = await page.request.get(f"{address}/api/v1/conversations")
        return {one["title"] for one in (await answer.json())["conversations"]}

    page = await visit("olga", "/")
    await expect(titles(page).filter(has_text=OPEN)).to_have_count(1)
    answer = await page.request.post(f"{address}/api/v1/login", data={"name": "admin", "password": PASSWORD})
    assert answer.ok
    before = await stored()
    await page.locator("input[type=file]").first.set_input_files(file)
    await expect(page.get_by_role("status").get_by_text("log in as olga again to go on")).to_be_visible()
    await check_accessibility(page)
    await log_in(page, "admin")  # it is not sent for them here, either
    await expect(page.get_by_role("button", name="Log in", exact=True)).to_be_enabled()
    assert await stored() == before
    await log_in(page, "olga")
    added = titles(page).filter(has_text="mine.wav")
    await expect(added).to_have_count(1)
    id_ = (await added.get_attribute("href") or "").removeprefix("/c/")
    sharing = await (await page.request.get(f"{address}/api/v1/conversations/{id_}/sharing")).json()
    assert f"person:{sharing['owner']}" == (await (await page.request.get(f"{address}/api/v1/me")).json())["principal"]
    answer = await page.request.post(f"{address}/api/v1/login", data={"name": "admin", "password": PASSWORD})
    await page.request.delete(f"{address}/api/v1/conversations/{id_}")


async def test_a_reader_cannot_change_a_conversation(visit: Visit) -> None:
    page = await visit("rita", f"/c/{OPEN_ID}")
    await expect(page.get_by_role("button", name="Export")).to_be_visible()
    for name in ("What to do with", "change who this is", "correct it", "Reprocess", "More"):
        await expect(page.get_by_role("button", name=name)).to_have_count(0)
    await segments(page).nth(1).dblclick()
    for key in ("Enter", "e", "m", "n", "Control+h"):
        await page.keyboard.press(key)
    await page.keyboard.press("Alt+ArrowDown")
    await expect(page.get_by_text("the program is 20% sure")).to_be_visible()
    await expect(page.get_by_role("button", name="Edit the text")).to_have_count(0)
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await expect(editor(page, 1)).to_have_count(0)
    await expect(segments(page)).to_have_text(LINES)


async def test_a_reader_names_and_removes_nobody(visit: Visit) -> None:
    page = await visit("rita", "/people")
    await page.get_by_role("button", name="More about Ana").click()
    await expect(page.get_by_role("menuitem")).to_have_text(["Show conversations"])
    await page.keyboard.press("Escape")
    for name in ("Enroll", "Name this voice", "Undo the last change"):
        await expect(page.get_by_role("button", name=name)).to_have_count(0)
