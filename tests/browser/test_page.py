"""The page as the build leaves it, in a real browser, under the content security policy of the application."""

from playwright.async_api import BrowserContext, expect

from tests.browser.checks import open_page


async def test_an_address_of_a_screen_opens_it(window: BrowserContext, address: str) -> None:
    page, shown = await open_page(window, f"{address}/")
    for path, name in (("/", "Archive"), ("/people", "People"), ("/live", "Live")):
        await page.goto(f"{address}{path}")
        await expect(page.get_by_role("link", name=name, exact=True)).to_have_attribute("aria-current", "page")
    assert shown == []


async def test_styles_that_a_library_adds_take_effect(window: BrowserContext, address: str) -> None:
    """A dialog of radix-ui stops the page behind it from being scrolled by a `<style>` element, which needs the nonce."""
    page, shown = await open_page(window, f"{address}/people")
    await expect(page.get_by_role("heading", name="Ana")).to_be_visible()  # later than the keys are bound
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog")).to_be_visible()
    await page.wait_for_function("() => getComputedStyle(document.body).overflowY === 'hidden'")
    assert await page.evaluate("[...document.querySelectorAll('style')].some(style => style.nonce)")
    assert shown == []
