"""A page of another origin, in a real browser, reads and changes nothing of the application."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.async_api import BrowserContext, Page, Request, Response, Route

from tests.reliability.attacks.harness import changeable

ATTACK = (Path(__file__).parent / "attack.js").read_text()
HOSTS = ("127.0.0.1", "localhost", "evil.example")
"""Another port of the same site, another name of this machine, and another site."""
FORMS = 6
"""Three types of content to two addresses."""


@dataclass
class Attack:
    """What a page tried, and what it got."""

    page: Page
    address: str
    requests: Counter[str] = field(default_factory=Counter)
    """By method."""
    answers: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    """By method, type of the resource and status, where the browser gave the answer to the page or a frame of it."""

    async def run(self) -> dict[str, str]:
        self.page.on("request", self._count_request)
        self.page.on("response", self._count_answer)
        got: dict[str, str | None] = await self.page.evaluate(ATTACK, self.address)
        assert len(got) > 30
        return {name: what for name, what in got.items() if what is not None}

    def _count_request(self, request: Request) -> None:
        if request.url.startswith(self.address):
            self.requests[request.method] += 1

    def _count_answer(self, answer: Response) -> None:
        if answer.url.startswith(self.address):
            self.answers[answer.request.method, answer.request.resource_type, answer.status] += 1


@pytest.mark.parametrize("host", HOSTS)
async def test_a_page_of_another_origin_gets_nothing(
    window: BrowserContext, address: str, pages: int, host: str, database_url: str, directory: Path
) -> None:
    page = await window.new_page()
    await page.goto(f"http://{host}:{pages}/")
    attack = Attack(page, address)
    before = await changeable(database_url, directory)
    assert await attack.run() == {}
    assert await changeable(database_url, directory) == before
    assert attack.requests["GET"] > 10
    assert attack.requests["POST"] > 15
    assert attack.answers["POST", "document", 403] == FORMS
    assert [answer for answer in attack.answers if answer[0] != "GET" and answer[2] < 400] == []
    assert all(frame.url.startswith("chrome-error:") for frame in page.frames if frame != page.main_frame)


async def test_a_page_whose_name_changes_its_address_gets_nothing(
    window: BrowserContext, address: str, database_url: str, directory: Path
) -> None:
    """DNS rebinding: the page comes from the attacker's server; its name then leads to this one."""
    page = await window.new_page()
    rebound = f"http://rebound.example:{urlsplit(address).port}"

    async def serve(route: Route) -> None:
        await route.fulfill(body="<!DOCTYPE html><body></body>", content_type="text/html")

    await page.route(f"{rebound}/attack", serve)
    await page.goto(f"{rebound}/attack")
    before = await changeable(database_url, directory)
    attack = Attack(page, rebound)
    assert await attack.run() == {}
    assert attack.answers.keys() == {answer for answer in attack.answers if answer[2] == 403}
    assert attack.answers["GET", "fetch", 403] > 5
    assert await changeable(database_url, directory) == before


async def test_the_same_attempts_succeed_on_the_own_page(window: BrowserContext, address: str) -> None:
    """Otherwise they might have failed for another reason."""
    page = await window.new_page()
    await page.goto(f"{address}/docs")
    attack = Attack(page, address)
    got = await attack.run()
    assert {"image", "script", "style", "sound", "socket", "change settings", "change by MCP", "import a profile"} <= got.keys()
    assert {"delete unknown speakers", "undo", "change a title", "read /api/v1/search?q=line"} <= got.keys()
    assert "Line 0." in got["read /api/v1/search?q=line"].replace("**", "")
    assert "evil" in got["change by MCP"]
    assert "frame" not in got
    assert attack.answers["POST", "document", 200] == FORMS - 2  # MCP refuses what is no JSON
