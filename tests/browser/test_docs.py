"""The interactive documentation in a real browser."""

from playwright.async_api import BrowserContext, ConsoleMessage, expect


async def test_the_documentation_works_without_any_other_host(window: BrowserContext, address: str) -> None:
    page = await window.new_page()
    requested: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    page.on("pageerror", lambda error: complaints.append(str(error)))

    def read(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(message.text)

    page.on("console", read)
    await page.goto(f"{address}/docs")
    await expect(page.locator(".opblock-summary-path", has_text="/status").first).to_be_visible()
    operation = page.locator("#operations-system-status_api_v1_status_get")
    await operation.locator(".opblock-summary-control").click()
    await operation.get_by_role("button", name="Try it out").click()
    await operation.get_by_role("button", name="Execute").click()
    await expect(operation.locator(".live-responses-table .response-col_status").last).to_contain_text("200")
    assert len(requested) > 5
    assert [url for url in requested if not url.startswith((f"{address}/", "data:"))] == []
    assert complaints == []
