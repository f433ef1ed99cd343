"""What every screen of the page must fulfil: axe finds nothing in both themes, nothing overflows, and the console is silent."""

import asyncio
import re
from pathlib import Path
from typing import Literal

from playwright.async_api import BrowserContext, Page, Route, expect

import hatch_build
from tests.support.node import give_up
from tests.support.program import ROOT

AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
PHONE_PX = (360, 740)
VIOLATIONS = "async () => (await axe.run()).violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`)"
OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
FITS = f"() => ({OVERFLOW})() <= 0"
TOASTER = (ROOT / "web" / "src" / "components" / "Toaster.tsx").read_text(encoding="utf-8")
MESSAGE_MS = int(re.findall(r"DURATION_MS = (\d+)", TOASTER)[0])
"""So long a message is at the edge of the page, unless a person closes it."""
STAYING_MS = 60_000
STAYING = f"""(() => {{
  const {{ setTimeout }} = window;
  window.setTimeout = (run, ms, ...values) => setTimeout(run, ms === {MESSAGE_MS} ? {STAYING_MS} : ms, ...values);
}})()"""
"""On a busy machine a test may look for a message later. It goes at last, as it can cover what a test clicks."""
LAYOUT = Path(__file__).with_name("layout.js").read_text(encoding="utf-8")

LOADED_LATER = re.compile("/assets/(Actions|SideColumn|Tags|Timeline)-")
"""The parts of the program that surround the text of a conversation."""

Theme = Literal["light", "dark"]
THEMES: tuple[Theme, ...] = ("light", "dark")


async def open_page(window: BrowserContext, url: str) -> tuple[Page, list[str]]:
    """A page at `url`, and a list of all that its console shows, which grows."""
    if not hatch_build.is_built(ROOT / "web"):
        give_up("The page is not built: `make page` does it where npm reaches its registry.")
    page = await window.new_page()
    shown: list[str] = []
    page.on("console", lambda message: shown.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: shown.append(str(error)))
    await page.add_init_script(STAYING)
    await page.goto(url)
    return page, shown


async def check_accessibility(page: Page) -> None:
    """axe finds nothing, in the light and in the dark theme, and nothing is wider than the window or a phone."""
    size = page.viewport_size or {"width": 1280, "height": 720}
    for theme in THEMES:
        assert await violations(page, theme) == []
    for width, height in (PHONE_PX, (size["width"], size["height"])):
        await page.set_viewport_size({"width": width, "height": height})
        await page.wait_for_function(FITS)  # what is drawn by size is drawn again a moment later


async def violations(page: Page, theme: Theme) -> list[str]:
    """Show the page in this theme; returns what axe finds."""
    if not AXE.exists():
        give_up("axe is not installed: `make web-packages` installs it where npm reaches its registry.")
    await page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    await page.evaluate(AXE.read_text(encoding="utf-8"))
    return [f"{theme}: {found}" for found in await page.evaluate(VIOLATIONS)]


async def layout_faults(page: Page) -> list[str]:
    """Text that is cut off, controls that are covered or too small to touch, and whether the page is wider than the window."""
    faults: list[str] = await page.evaluate(LAYOUT)
    overflow = await page.evaluate(OVERFLOW)
    return [*faults, f"{overflow} px wider than the window"] if overflow > 0 else faults


async def check_that_the_text_stays(page: Page, url: str) -> None:
    """Open a conversation; the parts around its text are loaded after it, and must not move it."""
    text_is_shown = asyncio.Event()

    async def hold(route: Route) -> None:
        await text_is_shown.wait()
        await route.continue_()

    await page.route(LOADED_LATER, hold)
    await page.goto(url)
    first = page.locator("[data-segment]").first
    await expect(first).to_be_visible()
    place = await first.bounding_box()
    text_is_shown.set()
    await expect(page.get_by_role("slider", name="Position in the timeline")).to_be_visible()
    await expect(page.get_by_role("button", name="Export")).to_be_visible()
    await expect(page.get_by_role("button", name="Tag")).to_be_visible()
    assert await first.bounding_box() == place
