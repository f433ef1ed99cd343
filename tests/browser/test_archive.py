"""The archive: adding recordings and watching them, filters, search, and changes of many conversations."""

import asyncio
import base64
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.async_api import BrowserContext, Locator, Page, Request, expect
from sqlalchemy import text

from pipeline.access import Role
from pipeline.decoding import PLAIN, Decoding
from pipeline.stages import Stages
from pipeline.types import Samples, Span, Utterance
from settings import Settings
from storage.conversations import titles as renaming
from storage.postgres.database import Database
from tests.api.access.people import PASSWORD, add
from tests.browser.checks import check_accessibility, open_page
from tests.browser.conftest import SETTINGS
from tests.storage.archive import add_speaker, add_talk
from tests.storage.transcripts import MODEL
from tests.support.application import serving
from tests.support.fixed_stages import FixedStages, sound

DROP = """async (files) => {
  const transfer = new DataTransfer();
  for (const [name, content] of Object.entries(files)) {
    transfer.items.add(new File([Uint8Array.from(atob(content), (one) => one.charCodeAt(0))], name));
  }
  const send = (type) =>
    document.body.dispatchEvent(new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer: transfer }));
  while (send("dragover")) await new Promise(requestAnimationFrame);
  send("drop");
}"""
"""A browser drops nothing where the page did not take the last `dragover`."""


class GatedStages(FixedStages):
    """Transcribe nothing before the gate is open."""

    def __init__(self) -> None:
        self.gate = threading.Event()

    async def transcribe(
        self, audio: Samples, window: Span, language: str | None, decoding: Decoding = PLAIN
    ) -> Sequence[Utterance]:
        while not self.gate.is_set():  # noqa: ASYNC110  # the test is in another thread
            await asyncio.sleep(0.02)
        return await super().transcribe(audio, window, language, decoding)


@pytest.fixture
def stages() -> Iterator[GatedStages]:
    stages = GatedStages()
    yield stages
    stages.gate.set()


async def fill(database: Database) -> None:
    """Three conversations; Ana speaks in two of them."""
    async with database.session() as session:
        ana, bob = [await add_speaker(session, name, seed) for seed, name in enumerate(("Ana", "Bob"))]
        for title, people in (("Garden", [ana]), ("Kitchen", [bob]), ("Budget", [ana, bob])):
            await renaming.rename(session, await add_talk(session, people), title)
        change = "UPDATE segments SET text = 'The invoice is late.' WHERE conversation_id = 2 AND position = 3"
        await session.execute(text(change))


@pytest.fixture
def address(database: Database, database_url: str, directory: Path, stages: GatedStages) -> Iterator[str]:
    with serving(SETTINGS, database_url, directory, MODEL, fill, Stages(stages, stages, stages, stages)) as address:
        yield address


def titles(page: Page) -> Locator:
    return page.get_by_role("list", name="Conversations", exact=True).locator("a")


def work(page: Page) -> Locator:
    return page.get_by_role("region", name="Uploads and running jobs")


def row(page: Page, title: str) -> Locator:
    return page.get_by_role("listitem").filter(has=page.get_by_role("link", name=title, exact=True))


async def drop(page: Page, files: Mapping[str, bytes]) -> None:
    """Drop files on the page, as from a window of the system."""
    await expect(page.get_by_role("button", name="Add recordings")).to_be_visible()
    await page.evaluate(DROP, {name: base64.b64encode(content).decode() for name, content in files.items()})


async def test_dropped_recordings_are_sent_processed_and_listed(
    window: BrowserContext, address: str, stages: GatedStages
) -> None:
    page, shown = await open_page(window, address)
    await drop(page, {"first.wav": sound(), "second.wav": sound()})
    for name in ("first.wav", "second.wav"):
        await expect(work(page).get_by_role("progressbar", name=name)).to_have_attribute("aria-valuenow", re.compile("^[1-9]"))
        await expect(work(page)).to_contain_text(name)
    await expect(work(page).get_by_text("Writing down the words")).to_have_count(2)
    await expect(titles(page)).to_have_text(["Budget", "Kitchen", "Garden"])
    stages.gate.set()
    await expect(work(page)).to_have_count(0)
    await expect(titles(page)).to_have_count(5)
    assert set((await titles(page).all_inner_texts())[:2]) == {"first.wav", "second.wav"}
    assert shown == []


class Streams:
    """The streams of events that a window has open, as the browser counts its connections."""

    def __init__(self, window: BrowserContext) -> None:
        self.open: list[str] = []
        self.most = 0
        window.on("request", self._begin)
        window.on("requestfinished", self._end)
        window.on("requestfailed", self._end)

    def _begin(self, request: Request) -> None:
        if request.resource_type == "eventsource":
            self.open.append(urlsplit(request.url).path)
            self.most = max(self.most, len(self.open))

    def _end(self, request: Request) -> None:
        if request.resource_type == "eventsource":
            self.open.remove(urlsplit(request.url).path)


async def test_a_tab_has_one_stream_of_events(window: BrowserContext, address: str, stages: GatedStages) -> None:
    streams = Streams(window)
    page, shown = await open_page(window, address)
    await drop(page, {"first.wav": sound(), "second.wav": sound()})
    await expect(work(page).get_by_text("Writing down the words")).to_have_count(2)
    await page.goto(f"{address}/c/4")  # one of the two
    await expect(page.get_by_role("main").get_by_role("progressbar")).to_be_visible()
    for screen in ("People", "Settings", "Live", "Archive"):
        link = page.get_by_role("navigation", name="Main").get_by_role("link", name=screen)
        await link.click()
        await expect(link).to_have_attribute("aria-current", "page")
    for _ in range(4):
        await page.go_back()
    await expect(page.get_by_role("main").get_by_role("progressbar")).to_be_visible()
    stages.gate.set()
    await expect(page.get_by_text("The parrot is dead.")).to_be_visible()  # an event reported its end
    assert streams.open == ["/api/v1/events"]
    assert streams.most == 1
    assert shown == []


async def test_processing_is_cancelled_and_begun_again(window: BrowserContext, address: str, stages: GatedStages) -> None:
    page, shown = await open_page(window, address)
    await drop(page, {"talk.wav": sound()})
    await work(page).get_by_role("button", name="Stop processing talk.wav").click()
    await expect(row(page, "talk.wav")).to_contain_text("Cancelled")
    await expect(work(page)).to_have_count(0)
    stages.gate.set()
    await row(page, "talk.wav").get_by_role("button", name="Try again").click()
    await expect(row(page, "talk.wav")).to_contain_text("0:06")
    assert shown == []


async def test_a_refused_file_says_why(window: BrowserContext, address: str) -> None:
    page, _ = await open_page(window, address)
    await drop(page, {"notes.txt": b"no sound"})
    await expect(work(page)).to_contain_text("in no format that can be read")
    await work(page).get_by_role("button", name="Remove notes.txt from this list").click()
    await expect(work(page)).to_have_count(0)


async def test_filters_are_in_the_address(window: BrowserContext, address: str) -> None:
    page, shown = await open_page(window, address)
    await expect(titles(page)).to_have_text(["Budget", "Kitchen", "Garden"])
    await page.get_by_role("button", name="+ filter").click()
    await page.get_by_role("combobox").fill("ana")
    await expect(page.get_by_role("option")).to_have_count(1)  # the list of people is loaded when it opens
    await page.keyboard.press("Enter")
    await expect(titles(page)).to_have_text(["Budget", "Garden"])
    await page.reload()
    await expect(titles(page)).to_have_text(["Budget", "Garden"])
    await page.get_by_role("button", name="Remove the filter Ana").click()
    await expect(titles(page)).to_have_count(3)
    await page.go_back()
    await expect(titles(page)).to_have_count(2)
    assert shown == []


async def test_a_search_leads_to_the_moment(window: BrowserContext, address: str) -> None:
    page, shown = await open_page(window, address)
    await expect(titles(page)).to_have_count(3)
    await page.keyboard.press("/")
    await page.keyboard.type("garden")
    await expect(titles(page)).to_have_text(["Garden"])
    await page.get_by_role("searchbox").fill("invoice")
    found = page.get_by_role("region", name="What was said")
    await expect(found.get_by_role("heading", name="Kitchen")).to_be_visible()
    await expect(found.locator("mark")).to_have_text("invoice")
    await found.get_by_role("link", name="The invoice is late.").click()
    await page.wait_for_url(f"{address}/c/2?t=6")
    assert shown == []


async def test_conversations_are_deleted_once_nobody_undoes_it(window: BrowserContext, address: str) -> None:
    page, shown = await open_page(window, address)
    await page.get_by_role("checkbox", name="Select Budget").check()
    await page.get_by_role("checkbox", name="Select Kitchen").click(modifiers=["Shift"])
    bar = page.get_by_role("toolbar", name="Selected conversations")
    await expect(bar).to_contain_text("2 selected")
    await bar.get_by_role("button", name="Delete").click()
    await expect(titles(page)).to_have_text(["Garden"])
    await page.get_by_role("button", name="Undo", exact=True).click()
    await expect(titles(page)).to_have_text(["Budget", "Kitchen", "Garden"])
    await row(page, "Kitchen").get_by_role("button", name="Actions for Kitchen").click()
    await page.get_by_role("menuitem", name="Delete").click()
    await expect(titles(page)).to_have_text(["Budget", "Garden"])
    await page.reload()  # nothing can be undone any more
    await expect(titles(page)).to_have_text(["Budget", "Garden"])
    assert (await page.request.get(f"{address}/api/v1/conversations/2")).status == 404
    assert shown == []


async def test_titles_and_tags_are_changed_in_the_list(window: BrowserContext, address: str) -> None:
    page, shown = await open_page(window, address)
    await row(page, "Kitchen").get_by_role("button", name="Actions for Kitchen").click()
    await page.get_by_role("menuitem", name="Rename").click()
    await page.get_by_role("textbox", name="Title of Kitchen").fill("Kitchen table")
    await page.keyboard.press("Enter")
    await row(page, "Kitchen table").get_by_role("button", name="Actions for Kitchen table").click()
    await page.get_by_role("menuitem", name="Tags").click()
    await page.get_by_role("textbox", name="New tag").fill("Family")
    await page.keyboard.press("Enter")
    await page.keyboard.press("Escape")
    await expect(row(page, "Kitchen table")).to_contain_text("Family")
    await page.get_by_role("checkbox", name="Select Garden").check()
    await page.get_by_role("button", name="Add a tag").click()
    await page.get_by_role("button", name="Family", exact=True).click()
    await expect(row(page, "Garden")).to_contain_text("Family")
    await page.goto(f"{address}/?tag=family")
    await expect(titles(page)).to_have_text(["Kitchen table", "Garden"])
    assert shown == []


async def test_the_list_is_used_without_a_mouse(window: BrowserContext, address: str) -> None:
    page, shown = await open_page(window, address)
    await expect(titles(page)).to_have_count(3)
    for key in ("j", "ArrowDown", "x"):
        await page.keyboard.press(key)
    await expect(page.get_by_role("checkbox", name="Select Kitchen")).to_be_checked()
    await check_accessibility(page)
    await page.keyboard.press("k")
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"{address}/c/3")
    assert shown == []


async def test_a_reader_adds_and_deletes_nothing(
    window: BrowserContext, database: Database, database_url: str, directory: Path
) -> None:
    async def people(own: Database) -> None:
        await fill(own)
        await add(own, "reader", Role.READER)

    settings = Settings(auth="required", data_path=directory, speaker_threshold=0.5)
    with serving(settings, database_url, directory, MODEL, people) as address:
        await window.request.post(f"{address}/api/v1/login", data={"name": "reader", "password": PASSWORD})
        page, shown = await open_page(window, address)
        await expect(titles(page)).to_have_count(3)
        await page.get_by_role("checkbox", name="Select Budget").check()
        await expect(page.get_by_role("button", name="Export")).to_be_visible()
        for name in ("Add recordings", "Process again", "Delete"):
            await expect(page.get_by_role("button", name=name)).to_have_count(0)
        assert shown == []
