"""Recordings that are sent from the page: folders, files that are too large, uploads that are stopped, lost connections."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, CDPSession, Locator, Page, expect

from pipeline.stages import Stages
from settings import Settings
from storage.postgres.database import Database
from tests.browser.checks import open_page
from tests.browser.conftest import TIMEOUT_MS
from tests.storage.transcripts import MODEL
from tests.support.application import serving
from tests.support.fixed_stages import FixedStages, sound

SLOW_BYTES_PER_S = 20_000
COPY = 1
"""The operation of a drop, as in `DataTransfer.dropEffect`."""


async def nothing(_: Database) -> None:
    """An archive without conversations."""


@pytest.fixture(scope="module")
def address(database_url: str, directory: Path) -> Iterator[str]:
    """An application that takes a megabyte. Each test has files of its own names."""
    settings, stages = Settings(speaker_threshold=0.5, max_upload_mb=1), FixedStages()
    with serving(settings, database_url, directory, MODEL, nothing, Stages(stages, stages, stages, stages)) as address:
        yield address


class Drag:
    """Files and folders from a window of the system, dragged over the page."""

    def __init__(self, session: CDPSession, paths: Sequence[Path]) -> None:
        self._session = session
        self._data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": COPY}

    async def send(self, type_: str) -> None:
        await self._session.send("Input.dispatchDragEvent", {"type": type_, "x": 400, "y": 400, "data": self._data})


@asynccontextmanager
async def dragged(page: Page, paths: Sequence[Path]) -> AsyncIterator[Drag]:
    """They are over the page, which says so."""
    await expect(page.get_by_role("button", name="Add recordings")).to_be_visible()
    session = await page.context.new_cdp_session(page)
    drag = Drag(session, paths)
    await drag.send("dragEnter")
    async with asyncio.timeout(TIMEOUT_MS / 1000):
        while not await invitation(page).is_visible():
            await drag.send("dragOver")
    await drag.send("dragOver")  # the first over the invitation
    yield drag
    await session.detach()


async def drop(page: Page, paths: Sequence[Path]) -> None:
    async with dragged(page, paths) as drag:
        await drag.send("drop")


def invitation(page: Page) -> Locator:
    return page.get_by_text("Drop recordings here", exact=True)


def work(page: Page) -> Locator:
    return page.get_by_role("region", name="Uploads and running jobs")


def titles(page: Page) -> Locator:
    return page.get_by_role("list", name="Conversations", exact=True).locator("a")


async def stored(page: Page, address: str) -> set[str]:
    """The names of the files of which the application has made conversations."""
    answer = await page.request.get(f"{address}/api/v1/conversations")
    return {str(one["title"]).removeprefix("Uploaded: ") for one in (await answer.json())["conversations"]}


def files(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


async def test_of_a_folder_the_recordings_are_taken(window: BrowserContext, address: str, tmp_path: Path) -> None:
    for name in ("talks/first.wav", "talks/day two/second.wav", "talks/.hidden.wav", "third.wav"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(sound())
    (tmp_path / "talks" / "notes.txt").write_text("Nothing to hear.", encoding="utf-8")
    page, shown = await open_page(window, address)
    await drop(page, [tmp_path / "talks", tmp_path / "third.wav"])
    await expect(page.get_by_text("1 file of a folder is neither sound nor video, and left out.", exact=True)).to_be_visible()
    for name in ("first.wav", "second.wav", "third.wav"):
        await expect(titles(page).filter(has_text=name)).to_have_count(1)
    await expect(work(page)).to_have_count(0)
    assert await stored(page, address) == {"first.wav", "second.wav", "third.wav"}
    assert shown == []


async def test_a_file_that_is_too_large_says_so_and_leaves_nothing(
    window: BrowserContext, address: str, directory: Path, tmp_path: Path
) -> None:
    large, small = tmp_path / "large.wav", tmp_path / "small.wav"
    large.write_bytes(sound(seconds=60))
    small.write_bytes(sound())
    page, _ = await open_page(window, address)
    before = files(directory)
    await drop(page, [large, small])
    await expect(work(page)).to_contain_text("The upload is larger than 1 MB. Send less, or raise MAX_UPLOAD_MB.")
    await expect(titles(page).filter(has_text="small.wav")).to_have_count(1)
    await expect(work(page)).to_contain_text("large.wav")
    await page.get_by_role("button", name="Remove large.wav from this list").click()
    await expect(work(page)).to_have_count(0)
    assert "large.wav" not in await stored(page, address)
    assert len(files(directory) - before) == 1  # that of small.wav


async def test_an_upload_is_stopped_and_sent_again(
    window: BrowserContext, address: str, directory: Path, tmp_path: Path
) -> None:
    file = tmp_path / "stopped.wav"
    file.write_bytes(sound(seconds=25))
    page, _ = await open_page(window, address)
    before = files(directory)
    session = await window.new_cdp_session(page)
    speed = {"offline": False, "latency": 0, "downloadThroughput": -1}
    await session.send("Network.emulateNetworkConditions", speed | {"uploadThroughput": SLOW_BYTES_PER_S})
    await drop(page, [file])
    await expect(work(page).get_by_role("progressbar", name="stopped.wav")).to_have_attribute(
        "aria-valuetext", re.compile("^Sending")
    )
    await page.get_by_role("button", name="Stop sending stopped.wav").click()
    await expect(work(page)).to_have_count(0)
    await session.send("Network.emulateNetworkConditions", speed | {"uploadThroughput": -1})
    await drop(page, [file])
    await expect(titles(page).filter(has_text="stopped.wav")).to_have_count(1)
    await expect(work(page)).to_have_count(0)
    answer = await page.request.get(f"{address}/api/v1/conversations?title=stopped.wav")
    assert (await answer.json())["total"] == 1
    assert len(files(directory) - before) == 1


async def test_after_a_lost_connection_an_upload_is_tried_again(window: BrowserContext, address: str, tmp_path: Path) -> None:
    file = tmp_path / "lost.wav"
    file.write_bytes(sound())
    page, _ = await open_page(window, address)
    await expect(page.get_by_role("button", name="Add recordings")).to_be_visible()
    await window.set_offline(True)
    await drop(page, [file])
    await expect(work(page)).to_contain_text("The connection was lost while this was sent.")
    await window.set_offline(False)
    await work(page).get_by_role("button", name="Try again").click()
    await expect(titles(page).filter(has_text="lost.wav")).to_have_count(1)
    assert "lost.wav" in await stored(page, address)


async def test_a_drop_where_an_element_was_just_removed_is_taken(window: BrowserContext, address: str, tmp_path: Path) -> None:
    file = tmp_path / "removed.wav"
    file.write_bytes(sound())
    page, _ = await open_page(window, address)
    await expect(page.get_by_role("button", name="Add recordings")).to_be_visible()
    await page.evaluate("""() => {
        const below = document.createElement("div");
        below.id = "below";
        below.style = "position: fixed; inset: 0";
        document.body.append(below);
    }""")
    async with dragged(page, [file]) as drag:
        await page.evaluate("document.getElementById('below').remove()")
        await drag.send("drop")
    await expect(titles(page).filter(has_text="removed.wav")).to_have_count(1)
    await expect(invitation(page)).to_have_count(0)


async def test_the_invitation_goes_when_the_drag_leaves_the_window_or_ends_unseen(
    window: BrowserContext, address: str, tmp_path: Path
) -> None:
    file = tmp_path / "elsewhere.wav"
    file.write_bytes(sound())
    page, _ = await open_page(window, address)
    async with dragged(page, [file]):
        # From an element of the page to the invitation. Safari names no other element, either.
        await page.get_by_role("main").dispatch_event("dragleave", {"relatedTarget": None})
        await expect(invitation(page)).to_be_visible()
        # Chromium's protocol ends a drag without this event, which each browser sends when the drag leaves the window.
        await invitation(page).locator("xpath=../..").dispatch_event("dragleave", {"relatedTarget": None})
        await expect(invitation(page)).to_have_count(0)
    async with dragged(page, [file]):
        await page.mouse.move(300, 300)
        await page.mouse.move(301, 301)
        await expect(invitation(page)).to_have_count(0)
    assert "elsewhere.wav" not in await stored(page, address)
