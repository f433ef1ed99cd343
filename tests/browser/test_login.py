"""Logins in a real browser, with an OpenID provider of another site, and what pages of others get afterwards."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, Page, Request

from pipeline.access import Role
from settings import Settings
from storage.access import people
from storage.postgres.database import Database
from tests.api.access.people import PASSWORD, add
from tests.browser.test_other_origins import HOSTS, Attack
from tests.reliability.attacks.harness import changeable
from tests.storage.archive import add_speaker, add_talk
from tests.storage.transcripts import MODEL
from tests.support import openid_provider
from tests.support.application import serving
from tests.support.openid_provider import CLIENT_ID, CLIENT_SECRET, Provider

SESSION = "vivavoce_session"
LOG_IN = """async ([name, password]) => (await fetch("/api/v1/login", {
  method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ name, password }),
})).status"""
NAME = 'async () => (await (await fetch("/api/v1/me")).json()).name'


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with openid_provider.running() as provider:
        provider.metadata = {"authorization_endpoint": f"http://provider.example:{provider.port}/authorize"}
        yield provider


@pytest.fixture(scope="module")
def address(database_url: str, directory: Path, provider: Provider) -> Iterator[str]:
    """The application, where everyone must log in: an administrator by password, another person at the provider."""
    settings = Settings(
        auth="required",
        data_path=directory,
        speaker_threshold=0.5,
        oidc_issuer=provider.issuer,
        oidc_client_id=CLIENT_ID,
        oidc_client_secret=CLIENT_SECRET,
    )

    async def fill(database: Database) -> None:
        await add(database, "admin", Role.ADMIN)
        async with database.session() as session:
            await people.create(session, "ana@example.org", Role.WRITER)
            await add_talk(session, [await add_speaker(session, "Ana", 1), await add_speaker(session, "Unknown_01", 2)])

    with serving(settings, database_url, directory, MODEL, fill) as address:
        yield address


async def log_in(page: Page, address: str) -> None:
    await page.goto(f"{address}/docs")
    assert await page.evaluate(LOG_IN, ["admin", PASSWORD]) == 200
    assert await page.evaluate(NAME) == "admin"


async def test_a_login_with_openid_ends_with_the_strict_cookie_in_use(window: BrowserContext, address: str) -> None:
    page = await window.new_page()
    visited: list[Request] = []
    page.on("request", lambda request: visited.append(request) if request.is_navigation_request() else None)
    await page.goto(f"{address}/api/v1/login/openid")
    await page.wait_for_url(f"{address}/")
    hosts = [request.url.partition("://")[2].partition(":")[0] for request in visited]
    assert hosts == ["127.0.0.1", "provider.example", "127.0.0.1", "127.0.0.1"]
    assert SESSION not in (await visited[2].all_headers()).get("cookie", "")
    assert SESSION in (await visited[3].all_headers()).get("cookie", "")
    assert await page.evaluate(NAME) == "ana@example.org"
    assert await page.evaluate("document.cookie") == ""
    (cookie,) = await window.cookies()
    assert (cookie.get("name"), cookie.get("httpOnly"), cookie.get("sameSite")) == (SESSION, True, "Strict")


async def test_a_logout_in_the_browser_drops_the_cookie(window: BrowserContext, address: str) -> None:
    page = await window.new_page()
    await log_in(page, address)
    assert await page.evaluate('async () => (await fetch("/api/v1/logout", { method: "POST" })).status') == 204
    assert await window.cookies() == []
    assert await page.evaluate(NAME) is None


@pytest.mark.parametrize("host", HOSTS)
async def test_a_page_of_another_origin_gets_nothing_of_a_session(
    window: BrowserContext, address: str, pages: int, host: str, database_url: str, directory: Path
) -> None:
    page = await window.new_page()
    await log_in(page, address)
    await page.goto(f"http://{host}:{pages}/")
    before = await changeable(database_url, directory)
    attack = Attack(page, address)
    assert await attack.run() == {}
    assert await changeable(database_url, directory) == before
    assert [answer for answer in attack.answers if answer[0] != "GET" and answer[2] < 400] == []
    await page.goto(f"{address}/docs")
    assert await page.evaluate(NAME) == "admin"


async def test_the_same_attempts_succeed_on_the_own_page(window: BrowserContext, address: str) -> None:
    """Otherwise they might have failed as the browser was not logged in."""
    page = await window.new_page()
    await log_in(page, address)
    got = await Attack(page, address).run()
    assert {"change settings", "change by MCP", "change a title", "read /api/v1/search?q=line", "socket"} <= got.keys()
