"""The whole story with real models: recordings and live speech become named, corrected, searched and exported conversations."""

import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from engines.in_process import LocalStages
from pipeline.access import Role
from storage.postgres.database import Database
from tests.api.access.people import add
from tests.api.live import serving
from tests.browser import live, story
from tests.browser.checks import check_accessibility, open_page
from tests.browser.conftest import TIMEOUT_MS, launched
from tests.browser.live import Line
from tests.browser.story import Api, text_of
from tests.browser.test_access import log_in
from tests.browser.test_live import finish

# From numpy, in pyannote's clustering of segments that are too short for an embedding.
pytestmark = pytest.mark.filterwarnings("ignore:Mean of empty slice", "ignore:invalid value encountered in divide")

PARTS_S = {"first.wav": (7.0, 18.0), "second.wav": (18.0, 30.0)}
"""Of the sample, a telephone call between two people who both speak in each part."""
SPOKEN_S = (10.6, 14.4), (14.5, 17.8), (17.8, 21.5)
"""Parts of it that the microphone plays, over and over: each of the two in turn."""
NAME, ADDED = "Grace Hopper", "Zanzibar"
"""ADDED is a word that no recording has."""

Theme = Literal["light", "dark"]


@dataclass(frozen=True)
class Device:
    """What the page is shown on, and whether the application requires a login there."""

    window: dict[str, Any]
    theme: Theme
    auth: Literal["auto", "required"]


DEVICES = {
    "desktop": Device({"viewport": {"width": 1280, "height": 940}}, "light", "auto"),
    "phone": Device({"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}, "dark", "required"),
}


@pytest.fixture(params=DEVICES)
def device(request: pytest.FixtureRequest) -> Device:
    return DEVICES[request.param]


@pytest.fixture(scope="module")
async def browser(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    microphone = live.microphone(tmp_path_factory.mktemp("microphone"), SPOKEN_S)
    async with launched(live.FAKE_MICROPHONE, microphone) as browser:
        yield browser


@pytest.fixture
async def window(browser: Browser, device: Device) -> AsyncIterator[BrowserContext]:
    options = {**device.window, "color_scheme": device.theme}
    async with await browser.new_context(permissions=["microphone"], locale="en", **options) as window:
        window.set_default_timeout(TIMEOUT_MS)
        await window.add_init_script(live.RECORDED)
        await window.add_init_script(story.AUDIO)
        yield window


@pytest.fixture
async def line(
    database: Database, database_url: str, directory: Path, real_stages: LocalStages, device: Device
) -> AsyncIterator[Line]:
    """To the application with an empty archive."""
    await add(database, "admin", Role.ADMIN)
    model = real_stages.embedder.engine.model  # type: ignore[attr-defined]
    with serving(database_url, directory, real_stages, model, jobs=True, auth=device.auth) as address:
        async with live.line(address.partition("/")[0]) as line:
            yield line


async def check(page: Page, theme: Theme) -> None:
    await check_accessibility(page)
    await page.emulate_media(color_scheme=theme, reduced_motion="no-preference")


async def test_from_recordings_to_named_corrected_conversations(
    window: BrowserContext, line: Line, device: Device, gate: threading.Event
) -> None:
    page, shown = await open_page(window, line.address)
    if device.auth == "required":
        await expect(page.get_by_role("heading", name="Log in to Vivavoce")).to_be_visible()
        await check(page, device.theme)
        await log_in(page, "admin")
    api = Api(page, line.address)
    await story.process(page, {name: story.part(*span) for name, span in PARTS_S.items()}, gate)
    await check(page, device.theme)
    ids = await api.conversations()
    first, second = [await api.segments(ids[name]) for name in PARTS_S]
    shared = {one["speaker_name"] for one in first} & {one["speaker_name"] for one in second}
    segment = next(one for one in first if one["speaker_name"] in shared and len(one["words"]) > 3)

    await story.open_conversation(page, "first.wav")
    await story.hear(page, segment, 2)
    await story.name_voice(page, segment, NAME)
    for before, file in ((first, "first.wav"), (second, "second.wav")):
        expected = [NAME if one["speaker_name"] == segment["speaker_name"] else one["speaker_name"] for one in before]
        assert [one["speaker_name"] for one in await api.segments(ids[file])] == expected
    await story.open_conversation(page, "second.wav")
    await expect(page.get_by_role("region", name="Transcript").get_by_role("heading", name=NAME).first).to_be_visible()

    await story.open_conversation(page, "first.wav")
    await correct(page, api, ids["first.wav"], segment)
    await check(page, device.theme)
    exported = await story.export(page)
    assert NAME in exported
    assert ADDED in exported
    await story.go(page, "Archive")
    await page.get_by_role("searchbox").fill(ADDED)
    await page.get_by_role("region", name="What was said").get_by_role("link").filter(has=page.locator("mark")).click()
    await expect(text_of(page, segment)).to_be_visible()
    place, _, seconds = page.url.partition("?t=")
    assert (place, float(seconds)) == (f"{line.address}/c/{ids['first.wav']}", segment["start_offset"])

    await story.record(page, line, NAME)
    await check(page, device.theme)
    conversation = await finish(page)
    recorded = await live.recorded(page)
    await page.get_by_role("link", name="Open the conversation").click()
    await expect(page.get_by_role("region", name="Transcript").get_by_role("heading", name=NAME).first).to_be_visible()
    assert np.array_equal(await story.sound(api, conversation), recorded)
    heard, said = story.words_of(await api.segments(conversation)), set(story.words_of([*first, *second]))
    assert len(heard) > 10
    assert sum(word in said for word in heard) > len(heard) / 2  # the others are where a sentence is cut
    assert [line for line in shown if "streaming/ws" not in line] == []  # the browser reports the lost connection itself


async def correct(page: Page, api: Api, conversation: int, segment: dict[str, Any]) -> None:
    """Correct the text and the emotion of a segment, and take the last change back."""
    await story.correct_text(page, api, segment, ADDED)
    corrected = await api.segment(conversation, segment["id"])
    assert corrected["text"] == f"{ADDED} {segment['text'].strip()}"
    assert corrected["edited_at"] is not None
    emotion = "sad" if segment["emotion_category"] != "sad" else "happy"
    await story.correct_emotion(page, api, segment, emotion)
    assert (await api.segment(conversation, segment["id"]))["emotion_category"] == emotion
    await story.undo(page, api)
    undone = await api.segment(conversation, segment["id"])
    assert (undone["emotion_category"], undone["text"]) == (segment["emotion_category"], corrected["text"])
