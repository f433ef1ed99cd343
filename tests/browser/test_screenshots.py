"""Each screen of the page as it looks: in both themes, on a desktop and a phone, with an archive that has everything.

`make screenshots` keeps the pictures.
"""

import base64
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from pipeline.access import Role
from pipeline.stages import Stages
from storage.postgres.database import Database
from tests.api.access import people
from tests.api.live import serving
from tests.browser import live
from tests.browser.checks import THEMES, layout_faults, open_page, violations
from tests.browser.conftest import TIMEOUT_MS, launched
from tests.browser.shown import archive
from tests.browser.shown.archive import MODEL, PLANNING
from tests.browser.shown.speaking import SPOKEN_S, Conversing

DEVICES: Mapping[str, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1280, "height": 940}},
    "phone": {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True, "device_scale_factor": 2},
}
README = {"conversation-desktop-light": "conversation", "archive-desktop-dark": "archive"}
"""Pictures that it shows."""
DRAWN = """() => [...document.querySelectorAll("canvas")].every((canvas) => {
  const { width, height } = canvas;
  return canvas.toDataURL() !== Object.assign(document.createElement("canvas"), { width, height }).toDataURL();
})"""
"""Nothing is missing of a timeline."""
MOMENT_S = 26.2
"""In the planning: a segment is played, and the lines around it have much to show."""


@dataclass(frozen=True, slots=True)
class Screen:
    path: str
    prepare: Callable[[Page], Awaitable[None]]
    """Brings the page to where it is looked at, and waits until all of it is there."""


async def _archive(page: Page) -> None:
    await expect(page.get_by_role("link", name="Kitchen table", exact=True)).to_be_visible()
    await expect(page.get_by_role("progressbar", name="board-meeting.m4a")).to_be_visible()
    await expect(page.get_by_role("button", name="Try again")).to_be_visible()


async def _search(page: Page) -> None:
    await expect(page.get_by_role("region", name="What was said").locator("mark").first).to_be_visible()


async def _conversation(page: Page) -> None:
    await expect(page.get_by_role("complementary").get_by_role("heading", name="Details")).to_be_visible()
    await page.wait_for_function(DRAWN)
    await page.evaluate("scrollTo(0, 0)")


async def _edited(page: Page) -> None:
    await _conversation(page)
    more = page.get_by_role("button", name=re.compile("What to do with the segment")).nth(3)
    await more.focus()
    await page.keyboard.press("Enter")
    await page.get_by_role("menuitem", name="Edit the text").click()
    await expect(page.get_by_role("textbox", name="Text of the segment")).to_be_focused()


async def _who(page: Page) -> None:
    await _conversation(page)
    transcript = page.get_by_role("region", name="Transcript")
    await transcript.get_by_role("button", name=re.compile("Who is this")).first.click()
    await page.get_by_role("combobox", name="Name").fill("Li")
    await expect(page.get_by_role("listbox").get_by_role("option")).to_have_count(3)


async def _people(page: Page) -> None:
    await expect(page.get_by_role("heading", name=re.compile("^Unknown")).first).to_be_visible()
    await expect(page.get_by_role("button", name=re.compile("^Hear 0:")).first).to_be_visible()


async def _settings(page: Page) -> None:
    await expect(page.get_by_role("heading", level=2).first).to_be_visible()
    await expect(page.get_by_role("status")).to_have_count(0)


SECTIONS = ("voice", "vocabulary", "backups", "access", "operators")
SCREENS: Mapping[str, Screen] = {
    "archive": Screen("/", _archive),
    "search": Screen("/?q=budget", _search),
    "conversation": Screen(f"/c/{PLANNING}?t={MOMENT_S}", _conversation),
    "editing": Screen(f"/c/{PLANNING}?t={MOMENT_S}", _edited),
    "who-is-this": Screen(f"/c/{PLANNING}", _who),
    "people": Screen("/people", _people),
    **{f"settings-{name}": Screen(f"/settings/{name}", _settings) for name in SECTIONS},
}


@pytest.fixture(scope="module")
async def browser(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    microphone = live.microphone(tmp_path_factory.mktemp("microphone"), SPOKEN_S)
    async with launched(live.FAKE_MICROPHONE, microphone) as browser:
        yield browser


@pytest.fixture
async def window(browser: Browser, device: str) -> AsyncIterator[BrowserContext]:
    person = DEVICES[device] | {"locale": "en-GB", "timezone_id": "UTC", "permissions": ["microphone"]}
    async with await browser.new_context(**person) as window:
        window.set_default_timeout(TIMEOUT_MS)
        yield window


@pytest.fixture(scope="module")
def address(database_url: str, directory: Path, filled: None) -> Iterator[str]:
    stages: Stages[Any] = Stages(*[Conversing()] * 4)
    with serving(database_url, directory, stages, MODEL, jobs=True) as address:
        _edit(f"http://{address}/conversations/{PLANNING}/segments")
        yield f"http://{address.partition('/')[0]}"


def _edit(segments: str) -> None:
    """Correct a word, as a person does."""
    with httpx.Client(trust_env=False, timeout=120) as client:
        found = client.get(segments).raise_for_status().json()["segments"]
        segment = next(one for one in found if "eleven" in one["text"])
        text = segment["text"].replace("eleven", "twelve")
        client.patch(f"{segments}/{segment['id']}", json={"text": text}).raise_for_status()


@pytest.fixture(scope="module")
async def filled(database_url: str, directory: Path) -> None:
    database = Database(database_url)
    (directory / "audio").mkdir()
    await archive.fill(database, directory / "audio")
    await people.add(database, "admin", Role.ADMIN)
    await database.dispose()


@pytest.fixture
def keep(request: pytest.FixtureRequest) -> Callable[[Page, str], Awaitable[None]]:
    """Keeps a picture where pictures are wanted."""
    folder: Path | None = request.config.getoption("--screenshots")

    async def keep(page: Page, name: str) -> None:
        if folder is None:
            return
        await page.screenshot(path=folder / f"{name}.png", caret="initial")
        if name in README:
            session = await page.context.new_cdp_session(page)
            image = await session.send("Page.captureScreenshot", {"format": "webp", "quality": 90})
            (folder / f"{README[name]}.webp").write_bytes(base64.b64decode(image["data"]))

    return keep


Keep = Callable[[Page, str], Awaitable[None]]


async def look(page: Page, name: str, keep: Keep) -> None:
    """Keep pictures in both themes, and assert that nothing is wrong with them."""
    faults = []
    for theme in THEMES:
        faults += await violations(page, theme)
        await keep(page, f"{name}-{theme}")
    assert faults + await layout_faults(page) == []


FAULTS = {
    "cut off: p “A long sentence.”": '<p style="width: 40px; overflow: hidden; white-space: nowrap">A long sentence.</p>',
    "too small to touch, 20 × 20 px: button “Go”": '<button aria-label="Go" style="width: 20px; height: 20px"></button>',
    "overlap: button “Go” and p “Hello”": '<p>Hello</p><button style="height: 30px; margin-top: -40px">Go</button>',
}


@pytest.mark.parametrize("device", ["desktop"])
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_of_the_layout_is_found(window: BrowserContext, fault: str) -> None:
    page = await window.new_page()
    await page.set_content(FAULTS[fault])
    assert await layout_faults(page) == [fault]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("screen", SCREENS)
async def test_a_screen_looks_as_it_should(window: BrowserContext, address: str, screen: str, device: str, keep: Keep) -> None:
    page, shown = await open_page(window, f"{address}{SCREENS[screen].path}")
    await SCREENS[screen].prepare(page)
    await look(page, f"{screen}-{device}", keep)
    assert shown == []


@pytest.mark.parametrize("device", DEVICES)
async def test_a_login_looks_as_it_should(
    window: BrowserContext, database_url: str, directory: Path, filled: None, device: str, keep: Keep
) -> None:
    stages: Stages[Any] = Stages(*[Conversing()] * 4)
    with serving(database_url, directory, stages, MODEL, auth="required") as address:
        page, shown = await open_page(window, f"http://{address.partition('/')[0]}")
        await expect(page.get_by_role("textbox", name="Name")).to_be_visible()
        await look(page, f"login-{device}", keep)
        assert shown == []


@pytest.mark.parametrize("device", ["desktop"])
async def test_a_recording_looks_as_it_should(window: BrowserContext, address: str, device: str, keep: Keep) -> None:
    page, shown = await open_page(window, f"{address}/live")
    await page.get_by_label("Title").fill("Monday walk")
    await look(page, "live-setup-desktop", keep)
    await page.get_by_role("button", name="Record", exact=True).click()
    await expect(page.get_by_text("Did it move again?")).to_be_visible()
    await expect(page.get_by_text("Yes, so")).to_be_visible()
    for name in (device, "phone"):
        await page.set_viewport_size(DEVICES[name]["viewport"])
        await look(page, f"live-{name}", keep)
    assert shown == []
