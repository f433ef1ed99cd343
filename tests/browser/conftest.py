"""A real Chromium, the application, and a server of web pages of other origins."""

import shutil
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext, async_playwright, expect
from sqlalchemy import text

from settings import Settings
from storage.audio import AudioStore
from storage.backups import backups
from storage.backups.snapshots import Running
from storage.postgres.database import Database
from tests.storage.archive import add_speaker, add_talk
from tests.storage.transcripts import MODEL
from tests.support.application import serving
from tests.support.patience import patient_erasures, patient_searches  # noqa: F401
from vivavoce.sample import recording

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = [
    *("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"),
    "--host-resolver-rules=MAP *.example 127.0.0.1",
    "--disable-features=LocalNetworkAccessChecks",  # other browsers have no such checks
]
TIMEOUT_MS = 300_000
"""Far longer than anything takes, so that a busy machine fails no test."""
SETTINGS = Settings(speaker_threshold=0.5)


@asynccontextmanager
async def launched(*options: str) -> AsyncIterator[Browser]:
    """A browser with further options."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.skip("Chromium is not installed: `apt-get install chromium`.")
    expect.set_options(timeout=TIMEOUT_MS)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=[*OPTIONS, *options], timeout=TIMEOUT_MS)
        yield browser
        await browser.close()


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with launched() as browser:
        yield browser


@pytest.fixture
async def window(browser: Browser) -> AsyncIterator[BrowserContext]:
    """A window of a browser without cookies."""
    async with await browser.new_context() as window:
        window.set_default_timeout(TIMEOUT_MS)
        yield window


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the recordings are."""
    return tmp_path_factory.mktemp("audio")


@pytest.fixture(scope="module")
def address(database_url: str, directory: Path) -> Iterator[str]:
    """The application with a conversation of two speakers, one of them without a name, its recording, and a profile."""

    async def fill(database: Database) -> None:
        key = await AudioStore(str(directory)).put(recording(), recording().suffix)
        async with database.session() as session:
            people = [await add_speaker(session, name, seed) for seed, name in enumerate(("Ana", "Unknown_01"))]
            await add_talk(session, people)
            await session.execute(text("UPDATE conversations SET audio_key = :key"), {"key": key})
            await backups.create(session, Running(SETTINGS, MODEL), "home", None, empty=False)

    with serving(SETTINGS, database_url, directory, MODEL, fill) as address:
        yield address


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b"<!DOCTYPE html><title>Somebody else's</title><body></body>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture(scope="session")
def pages() -> Iterator[int]:
    """The port of a server on this machine that answers every request with an empty page."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()
