"""What a person does with recordings in the page, each step from the first click until its effect is seen."""

import io
import re
import threading
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
import soundfile
from playwright.async_api import Locator, Page, expect

from tests.browser.live import SOME_TIME, Line
from tests.browser.test_archive import drop, row, work
from vivavoce.sample import recording

AUDIO = """(() => {
  const play = HTMLMediaElement.prototype.play;
  HTMLMediaElement.prototype.play = function () {
    Object.assign(window, { audio: this, begun: this.currentTime });
    return play.call(this);
  };
})()"""
"""Keeps the player, which is no element of the page, and where it began last."""
HEARD = "(seconds) => window.audio?.currentTime > seconds"
PLACE = """([segment, start, end]) => {
  const range = document.createRange();
  const element = document.getElementById(segment);
  range.setStart(element.firstChild, start);
  range.setEnd(element.firstChild, end);
  const { x, y, width, height } = range.getClientRects()[0];
  const { left, top } = element.getBoundingClientRect();
  return { x: x + width / 2 - left, y: y + height / 2 - top };
}"""
"""The middle of a word, from the corner of its segment: what loads above it may still move it."""


def part(begin_s: float, end_s: float) -> bytes:
    """A WAV file of a part of the sample."""
    samples, rate = soundfile.read(recording(), dtype="int16")
    file = io.BytesIO()
    soundfile.write(file, samples[round(begin_s * rate) : round(end_s * rate)], rate, format="WAV")
    return file.getvalue()


class Api:
    """What the server has, as any client reads it."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.base = page, f"{address}/api/v1"

    async def conversations(self) -> dict[str, int]:
        """Their ids by the name of the file."""
        found = await (await self.page.request.get(f"{self.base}/conversations")).json()
        return {one["title"].removeprefix("Uploaded: "): one["id"] for one in found["conversations"]}

    async def segments(self, conversation: int) -> list[dict[str, Any]]:
        found = await (await self.page.request.get(f"{self.base}/conversations/{conversation}")).json()
        segments: list[dict[str, Any]] = found["segments"]
        return segments

    async def segment(self, conversation: int, segment: int) -> dict[str, Any]:
        return next(one for one in await self.segments(conversation) if one["id"] == segment)

    @asynccontextmanager
    async def changed(self, method: str) -> AsyncIterator[None]:
        """Wait until the server has answered a change that the block makes."""
        async with self.page.expect_response(lambda answer: answer.request.method == method) as answer:
            yield
        assert (await answer.value).ok


def text_of(page: Page, segment: dict[str, Any]) -> Locator:
    return page.locator(f'[data-segment="{segment["id"]}"]')


async def click_word(page: Page, segment: dict[str, Any], number: int) -> None:
    """Click a word of a segment."""
    text, at = segment["text"], 0
    for word in segment["words"][: number + 1]:
        bare = word["word"].strip()
        at = text.index(bare, at) + len(bare)
    element = text_of(page, segment)
    place = await page.evaluate(PLACE, [await element.get_attribute("id"), at - len(bare), at])
    await element.click(position=place)


async def process(page: Page, files: Mapping[str, bytes], gate: threading.Event) -> None:
    """Drop recordings, and watch until they are in the list."""
    await drop(page, files)
    for name in files:
        await expect(work(page).get_by_role("progressbar", name=name)).to_be_visible()
    gate.set()
    await expect(work(page)).to_have_count(0)
    for name, file in files.items():
        await expect(row(page, name)).to_contain_text(f"0:{round(soundfile.info(io.BytesIO(file)).duration):02}")


async def hear(page: Page, segment: dict[str, Any], number: int) -> None:
    """Click a word, and listen until it is spoken."""
    await click_word(page, segment, number)
    word = segment["words"][number]
    await page.wait_for_function(HEARD, arg=word["start"])
    assert await page.evaluate("begun") == pytest.approx(word["start"], abs=0.01)
    assert word["start"] > 0
    await page.get_by_role("button", name="Pause").click()


async def name_voice(page: Page, segment: dict[str, Any], name: str) -> None:
    unknown = segment["speaker_name"].replace("_", " ")
    transcript = page.get_by_role("region", name="Transcript")
    await transcript.get_by_role("button", name=f"{unknown} Who is this?").first.click()
    popover = page.get_by_role("dialog", name="Who is this?")
    await popover.get_by_role("combobox", name="Name").fill(name)
    await expect(popover.get_by_role("option", name=f"New person “{name}”")).to_be_visible()
    await page.keyboard.press("Enter")
    await expect(popover).to_have_count(0)
    await expect(transcript.get_by_role("heading", name=name).first).to_be_visible()
    message = page.get_by_role("listitem").filter(has_text=f"{name} now.")
    await message.get_by_role("button", name="Close").click()  # it covers other parts of a phone's screen


async def correct_text(page: Page, api: Api, segment: dict[str, Any], added: str) -> None:
    """Type a word before the text."""
    await text_of(page, segment).dblclick()
    await expect(page.get_by_role("textbox", name="Text of the segment")).to_be_focused()
    assert await page.evaluate("audio.paused")  # the first of the two clicks would play
    await page.keyboard.press("Control+Home")
    await page.keyboard.type(f"{added} ")
    async with api.changed("PATCH"):
        await page.keyboard.press("Enter")
    await expect(text_of(page, segment)).to_have_text(f"{added} {segment['text'].strip()}")


async def correct_emotion(page: Page, api: Api, segment: dict[str, Any], emotion: str) -> None:
    seconds = int(segment["start_offset"])
    more = page.get_by_role("button", name=f"What to do with the segment at {seconds // 60}:{seconds % 60:02}").first
    await more.focus()
    await page.keyboard.press("Enter")
    await page.get_by_role("menuitem", name="Correct the emotion").click()
    async with api.changed("POST"):
        await page.get_by_role("dialog", name="How does it sound?").get_by_role("button", name=emotion).click()


async def undo(page: Page, api: Api) -> None:
    async with api.changed("POST"):
        await page.keyboard.press("Control+z")
    # Exactly this text: for a second a region for screen readers has it, too, after a word of its own.
    await expect(page.get_by_text("The former emotion is back.", exact=True)).to_be_visible()


async def export(page: Page) -> str:
    """The transcript as text."""
    async with page.expect_download() as download:
        await page.get_by_role("button", name="Export").click()
        await page.get_by_role("menuitem", name="Text (.txt)").click()
    return (await (await download.value).path()).read_text(encoding="utf-8")


async def go(page: Page, screen: str) -> None:
    await page.get_by_role("navigation", name="Main").get_by_role("link", name=screen).click()


async def open_conversation(page: Page, title: str) -> None:
    await go(page, "Archive")
    await page.get_by_role("link", name=title, exact=True).click()


async def record(page: Page, line: Line, name: str) -> None:
    """Record, lose the connection for a while, and go on until a voice has spoken that has this name."""
    await go(page, "Live")
    await page.get_by_label("Title").fill("Call")
    await page.get_by_role("button", name="Record", exact=True).click()
    await page.get_by_text(re.compile(r"^0:(0[3-9]|[1-5]\d)$")).first.wait_for()
    line.lose()
    await expect(page.get_by_text(re.compile(f"The connection is lost.*{SOME_TIME} is kept"))).to_be_visible()
    line.restore()
    await expect(page.get_by_text("The connection is lost")).to_have_count(0)
    transcript = page.get_by_role("region", name="Transcript")
    await expect(transcript.get_by_role("listitem").get_by_text(name, exact=True).first).to_be_visible()


async def sound(api: Api, conversation: int) -> np.ndarray:
    """Its samples, 16-bit integers."""
    answer = await api.page.request.get(f"{api.base}/conversations/{conversation}/audio")
    assert answer.ok, await answer.text()
    samples, _ = soundfile.read(io.BytesIO(await answer.body()), dtype="int16")
    return np.asarray(samples)


def words_of(segments: Iterable[dict[str, Any]]) -> list[str]:
    return re.findall(r"[a-z']+", " ".join(one["text"] for one in segments).lower())
