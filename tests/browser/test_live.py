"""The live screen in a real browser, with a file in place of the microphone, and a connection that is lost."""

import io
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile
from playwright.async_api import Browser, BrowserContext, Dialog, Page, expect

from pipeline.access import Role
from pipeline.stages import Stages
from storage.postgres.database import Database
from tests.api.access.people import PASSWORD, add
from tests.api.live import serving
from tests.browser import live
from tests.browser.checks import check_accessibility, open_page
from tests.browser.conftest import TIMEOUT_MS, launched
from tests.browser.live import SOME_TIME, Line, Talking
from tests.storage.transcripts import MODEL

SENTENCE = "The parrot is dead."
STAGES: Stages[Any] = Stages(*[Talking()] * 4)
PIECE = 4000
"""Samples that the microphone gives at a time: what a crash may take."""
UNCONFIRMED = 8 * 16_000
"""So many samples may be on the way: `ON_THE_WAY_SECONDS` of the page."""


@pytest.fixture(scope="module")
async def browser(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    microphone = live.microphone(tmp_path_factory.mktemp("microphone"))
    async with launched(live.FAKE_MICROPHONE, microphone) as browser:
        yield browser


@pytest.fixture
async def window(browser: Browser) -> AsyncIterator[BrowserContext]:
    async with await browser.new_context(permissions=["microphone"], locale="en") as window:
        window.set_default_timeout(TIMEOUT_MS)
        await window.add_init_script(live.RECORDED)
        yield window


@pytest.fixture
async def line(database_url: str, directory: Path) -> AsyncIterator[Line]:
    """To an application that waits for lost connections."""
    with serving(database_url, directory, STAGES, MODEL, jobs=True, speaker_threshold=0.5) as address:
        async with live.line(address.partition("/")[0]) as line:
            yield line


@pytest.fixture
async def impatient(database_url: str, directory: Path) -> AsyncIterator[Line]:
    """To one that finishes a conversation as soon as its connection is lost."""
    with serving(
        database_url, directory, STAGES, MODEL, jobs=True, speaker_threshold=0.5, stream_resume_seconds=0.5
    ) as address:
        async with live.line(address.partition("/")[0]) as line:
            yield line


@pytest.fixture
async def private(database: Database, database_url: str, directory: Path) -> AsyncIterator[Line]:
    """To one where people must log in, which waits long for lost connections."""
    for name in ("olga", "wim"):
        await add(database, name, Role.WRITER)
    patience: dict[str, Any] = {"stream_resume_seconds": TIMEOUT_MS / 1000}
    with serving(
        database_url, directory, STAGES, MODEL, jobs=True, speaker_threshold=0.5, auth="required", **patience
    ) as address:
        async with live.line(address.partition("/")[0]) as line:
            yield line


async def begin(window: BrowserContext, line: Line, title: str) -> tuple[Page, list[str]]:
    """Record until there is a line of text. Returns the page, and the list of what its console shows."""
    page, shown = await open_page(window, f"{line.address}/live")
    await page.get_by_label("Title").fill(title)
    await page.get_by_role("button", name="Record", exact=True).click()
    await expect(page.get_by_text(SENTENCE).first).to_be_visible()
    return page, shown


async def finish(page: Page) -> int:
    """Returns the id of the conversation."""
    await page.get_by_role("button", name="Finish").click()
    await expect(page.get_by_role("status").get_by_text("Finished")).to_be_visible()
    link = await page.get_by_role("link", name="Open the conversation").get_attribute("href")
    assert link is not None
    return int(link.removeprefix("/c/"))


async def stored(line: Line, conversation: int) -> np.ndarray:
    """The samples that the server has."""
    async with httpx.AsyncClient(base_url=f"{line.address}/api/v1", timeout=120) as client:
        answer = await client.get(f"/conversations/{conversation}/audio")
    samples, rate = soundfile.read(io.BytesIO(answer.content), dtype="int16")
    assert rate == 16_000
    return np.asarray(samples)


async def completed(line: Line, conversation: int) -> None:
    """Wait until the server has finished a conversation."""
    async with httpx.AsyncClient(base_url=f"{line.address}/api/v1", timeout=120) as client:
        async with client.stream("GET", f"/conversations/{conversation}/events") as events:
            async for _ in events.aiter_lines():
                pass
        found = (await client.get(f"/conversations/{conversation}")).json()
    assert found["status"] == "completed"


async def titled(line: Line, title: str) -> list[int]:
    """The conversations with a title."""
    async with httpx.AsyncClient(base_url=f"{line.address}/api/v1", timeout=120) as client:
        found = (await client.get("/conversations", params={"limit": 100})).json()["conversations"]
    return [conversation["id"] for conversation in found if conversation["title"] == title]


async def test_a_conversation_is_recorded_and_a_voice_named_while_it_speaks(window: BrowserContext, line: Line) -> None:
    page, shown = await begin(window, line, "Shop")
    await page.get_by_role("button", name="Who is this?").first.click()
    await page.get_by_role("dialog").get_by_label("Name").fill("Ann")
    await page.keyboard.press("Enter")
    transcript = page.get_by_role("region", name="Transcript")
    await expect(transcript.get_by_text("Ann", exact=True).first).to_be_visible()
    await expect(page.get_by_role("complementary").get_by_text("Ann", exact=True)).to_be_visible()
    await expect(transcript.get_by_text("sad").first).to_be_visible()
    conversation = await finish(page)
    assert np.array_equal(await stored(line, conversation), await live.recorded(page))
    await page.get_by_role("link", name="Open the conversation").click()
    await expect(page).to_have_url(f"{line.address}/c/{conversation}")
    assert shown == []


async def test_nothing_is_lost_with_the_connection_and_when_the_page_is_left(window: BrowserContext, line: Line) -> None:
    page, _ = await begin(window, line, "Tunnel")
    await check_accessibility(page)
    line.lose()
    await expect(page.get_by_text(re.compile(f"The connection is lost.*{SOME_TIME} is kept"))).to_be_visible()
    await page.get_by_role("link", name="People").click()
    await page.get_by_role("button", name="Go on recording").click()
    await expect(page.get_by_role("status").get_by_text("Recording", exact=True)).to_be_visible()
    line.restore()
    await expect(page.get_by_text("The connection is lost")).to_have_count(0)
    await page.get_by_role("link", name="People").click()
    await page.get_by_role("button", name="Finish and leave").click()
    await expect(page).to_have_url(f"{line.address}/people")
    (conversation,) = await titled(line, "Tunnel")
    await completed(line, conversation)
    assert np.array_equal(await stored(line, conversation), await live.recorded(page))


async def log_in(window: BrowserContext, line: Line, name: str) -> None:
    """As another tab of the window does it."""
    answer = await window.request.post(f"{line.address}/api/v1/login", data={"name": name, "password": PASSWORD})
    assert answer.ok, await answer.text()


async def conversations(window: BrowserContext, line: Line) -> list[Any]:
    """Those of the person who is logged in."""
    answer = await window.request.get(f"{line.address}/api/v1/conversations")
    found: list[Any] = (await answer.json())["conversations"]
    return found


async def only_one(window: BrowserContext, line: Line) -> np.ndarray:
    """The samples of the only conversation of the person who is logged in."""
    (found,) = await conversations(window, line)
    answer = await window.request.get(f"{line.address}/api/v1/conversations/{found['id']}/audio")
    samples, _ = soundfile.read(io.BytesIO(await answer.body()), dtype="int16")
    return np.asarray(samples)


async def hear_more(page: Page) -> None:
    """Wait until the microphone has given two seconds more."""
    before = len(await live.recorded(page))
    await page.wait_for_function("before => window.recorded.at(-1).length > before + 32_000", arg=before)


async def test_a_recording_goes_on_when_the_login_ends(window: BrowserContext, private: Line) -> None:
    await log_in(window, private, "olga")
    page, _ = await begin(window, private, "Night")
    assert (await window.request.post(f"{private.address}/api/v1/logout")).ok
    await page.get_by_role("button", name="Who is this?").first.click()  # it is refused
    await expect(page.get_by_role("alert").get_by_text("Your login has ended. Log in as olga again")).to_be_visible()
    await expect(page.get_by_role("status").get_by_text("Recording", exact=True)).to_be_visible()
    await hear_more(page)
    await log_in(window, private, "olga")
    await expect(page.get_by_text("Your login has ended")).to_have_count(0)
    await page.get_by_role("button", name="Finish").click()
    await expect(page.get_by_role("status").get_by_text("Finished")).to_be_visible()
    assert np.array_equal(await only_one(window, private), await live.recorded(page))


async def test_a_recording_waits_for_the_person_who_records(window: BrowserContext, private: Line) -> None:
    """Another person, who logs in in another tab of the browser, gets none of it where the connection is lost."""
    await log_in(window, private, "olga")
    page, _ = await begin(window, private, "Mine")
    await log_in(window, private, "wim")
    private.lose()
    private.restore()
    await expect(page.get_by_role("alert").get_by_text("Log in as olga again")).to_be_visible()
    await expect(page.get_by_role("status").get_by_text("Recording", exact=True)).to_be_visible()
    await hear_more(page)
    assert await conversations(window, private) == []
    await log_in(window, private, "olga")
    await expect(page.get_by_text("Log in as olga again")).to_have_count(0)
    await page.get_by_role("button", name="Finish").click()
    await expect(page.get_by_role("status").get_by_text("Finished")).to_be_visible()
    assert np.array_equal(await only_one(window, private), await live.recorded(page))


async def interrupt(page: Page, line: Line) -> None:
    """Lose the connection, and then the page, while audio is unsent."""
    line.lose()
    await expect(page.get_by_text(re.compile(f"The connection is lost.*{SOME_TIME} is kept"))).to_be_visible()
    asked: list[str] = []

    async def leave(dialog: Dialog) -> None:
        asked.append(dialog.type)
        await dialog.accept()

    page.on("dialog", leave)
    await page.reload()
    assert asked == ["beforeunload"]


def joined(first: np.ndarray, second: np.ndarray, recorded: np.ndarray) -> np.ndarray:
    """Two conversations one after the other.

    What the server had stored when the connection was lost, but had not confirmed, is sent again, and is in both.
    """
    for twice in range(0, UNCONFIRMED + PIECE, PIECE):
        whole = np.concatenate([first, second[twice:]])
        rest = min(len(whole), len(recorded))
        if np.array_equal(whole[:rest], recorded[:rest]):
            return whole
    return np.concatenate([first, second])


def begins_with(stored: np.ndarray, recorded: np.ndarray) -> int:
    """How many of the samples that were recorded before a reload are stored; all but those of the last moment must be."""
    rest = min(len(stored), len(recorded))
    assert len(recorded) - rest <= 2 * PIECE
    assert np.array_equal(stored[:rest], recorded[:rest])
    return rest


async def test_a_recording_goes_on_after_a_reload(window: BrowserContext, line: Line) -> None:
    page, _ = await begin(window, line, "Reloaded")
    await interrupt(page, line)
    await expect(page.get_by_role("heading", name=re.compile("An unfinished recording of 0:"))).to_be_visible()
    await expect(page.get_by_text(re.compile(f"{SOME_TIME} was not sent"))).to_be_visible()
    await check_accessibility(page)
    before = await live.recorded_before(page)
    line.restore()
    await page.get_by_role("button", name="Resume recording").click()
    await expect(page.get_by_text(SENTENCE).first).to_be_visible()  # of before the reload
    await page.get_by_text(re.compile("^(0:(0[89]|[1-5]\\d)|\\d+:\\d\\d)$")).first.wait_for()
    conversation = await finish(page)
    sound, after = await stored(line, conversation), await live.recorded(page)
    assert len(after) > 0
    first = sound[: len(sound) - len(after)]
    assert begins_with(first, before) == len(first)
    assert np.array_equal(sound[len(first) :], after)
    assert await titled(line, "Reloaded") == [conversation]
    await page.goto(f"{line.address}/live")
    await expect(page.get_by_role("button", name="Record", exact=True)).to_be_visible()
    await expect(page.get_by_text("unfinished")).to_have_count(0)


async def test_what_a_server_no_longer_waits_for_becomes_a_conversation(window: BrowserContext, impatient: Line) -> None:
    page, _ = await begin(window, impatient, "Parted")
    await interrupt(page, impatient)
    before = await live.recorded_before(page)
    (first,) = await titled(impatient, "Parted")
    await completed(impatient, first)
    impatient.restore()
    await page.get_by_role("button", name="Upload what was not sent").click()
    await expect(page.get_by_role("status").get_by_text("Finished")).to_be_visible()
    await expect(page.get_by_role("link", name=f"conversation {first}")).to_be_visible()
    link = await page.get_by_role("link", name="Open the conversation").get_attribute("href")
    assert link is not None
    second = int(link.removeprefix("/c/"))
    await completed(impatient, second)
    begins_with(joined(await stored(impatient, first), await stored(impatient, second), before), before)


async def test_recording_goes_on_in_another_conversation_where_the_first_is_over(
    window: BrowserContext, impatient: Line
) -> None:
    page, _ = await begin(window, impatient, "Tunnels")
    impatient.lose()
    (first,) = await titled(impatient, "Tunnels")
    await completed(impatient, first)
    impatient.restore()
    await expect(page.get_by_role("link", name=f"conversation {first}")).to_be_visible()
    await expect(page.get_by_text("The connection is lost")).to_have_count(0)
    second = await finish(page)
    assert await titled(impatient, "Tunnels") == [second, first]
    recorded = await live.recorded(page)
    assert np.array_equal(joined(await stored(impatient, first), await stored(impatient, second), recorded), recorded)


async def test_the_microphone_may_be_refused_taken_away_and_muted(window: BrowserContext, line: Line) -> None:
    await window.clear_permissions()
    page, _ = await open_page(window, f"{line.address}/live")
    await page.get_by_role("button", name="Record", exact=True).click()
    await expect(page.get_by_role("alert")).to_contain_text("Allow it in the browser's site settings")
    await window.grant_permissions(["microphone"])
    await page.get_by_role("button", name="Record", exact=True).click()
    await expect(page.get_by_text(SENTENCE).first).to_be_visible()
    await window.clear_permissions()
    await expect(page.get_by_role("alert")).to_contain_text("Plug it in again")
    await window.grant_permissions(["microphone"])
    await page.get_by_role("button", name="Go on").click()
    await expect(page.get_by_role("alert")).to_have_count(0)

    heard = len(await live.recorded(page))
    await page.wait_for_function("heard => window.recorded.at(-1).length > heard + 8_000", arg=heard)
    await page.keyboard.press("p")
    await expect(page.get_by_text("The pause is cut out")).to_be_visible()
    paused = await page.get_by_role("time").first.inner_text()
    heard = len(await live.recorded(page))
    await page.wait_for_function("heard => window.recorded.at(-1).length > heard + 32_000", arg=heard)
    await expect(page.get_by_role("time").first).to_have_text(paused)
    await page.get_by_role("button", name="Go on").click()
    await expect(page.get_by_role("status").get_by_text("Recording", exact=True)).to_be_visible()
    await expect(page.get_by_role("time").first).not_to_have_text(paused)
    conversation = await finish(page)
    sound = await stored(line, conversation)
    assert len(sound) < len(await live.recorded(page))
    assert "0" * 16_000 in "".join("01"[int(sample != 0)] for sample in sound)  # the second that marks it


async def test_a_person_is_enrolled_with_the_microphone(window: BrowserContext, line: Line) -> None:
    page, _ = await open_page(window, f"{line.address}/people")
    await page.get_by_role("button", name="Add a person").first.click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Name").fill("Bo")
    await dialog.get_by_role("button", name="Record").click()
    await dialog.get_by_role("button", name=re.compile(f"Stop .{SOME_TIME}")).click()
    await expect(dialog.get_by_text("recorded")).to_be_visible()
    await dialog.get_by_role("button", name="Add", exact=True).click()
    await expect(dialog).to_have_count(0)
    await expect(page.get_by_text("Bo", exact=True).first).to_be_visible()
