"""The screen of a conversation: its text with its sound, on a desktop and on a phone."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile
from playwright.async_api import BrowserContext, Locator, Page, expect
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.types import Note, Word
from settings import Settings
from storage.audio import AudioStore
from storage.conversations import conversations
from storage.postgres.database import Database
from storage.tables import ParticipantRow, SegmentRow
from tests.browser.checks import check_accessibility, check_that_the_text_stays, open_page
from tests.browser.conftest import TIMEOUT_MS
from tests.storage.archive import add_speaker
from tests.storage.transcripts import MODEL
from tests.support.application import serving
from vivavoce.sample import recording

SHORT, LONG, WORKING, FAILED = 1, 2, 3, 4
"""Conversations."""
LINES = ("Good morning all.", "Is the parrot dead?", "It rests, I am sure.", "Then wake it up.", "Hello, parrot!", "Well then.")
LINE_S = 4.0
LONG_LINES = 5000
LONG_LINE_S = 0.2
MAX_ROWS = 100
"""Elements of segments in the page, of thousands."""
RATE = 16_000
PLAYED = """(() => {
  window.played = [];
  const play = HTMLMediaElement.prototype.play;
  HTMLMediaElement.prototype.play = function () {
    window.audio = this;
    window.played.push(this.currentTime);
    return play.call(this);
  };
  window.spoken = [];
  const set = CSS.highlights.set;
  CSS.highlights.set = (name, highlight) => {
    const [{ startContainer, startOffset, endOffset } = {}] = highlight;
    const word = startContainer?.data.slice(startOffset, endOffset);
    if (name === "spoken-word" && word !== window.spoken.at(-1)) window.spoken.push(word);
    return set.call(CSS.highlights, name, highlight);
  };
})()"""
"""Keeps where each start of the player was, and the words that were marked as spoken."""
MARKED = """name => [...CSS.highlights.get(name) ?? []].map(
  ({ startContainer, startOffset, endOffset }) => startContainer.data.slice(startOffset, endOffset)).join()"""
PLACE = """(segment, word) => {
  const node = segment.firstChild;
  const range = document.createRange();
  range.setStart(node, node.data.indexOf(word) + 1);
  range.setEnd(node, node.data.indexOf(word) + 2);
  const { x, y, height } = range.getBoundingClientRect();
  const { left, top } = segment.getBoundingClientRect();
  return { x: x - left, y: y + height / 2 - top };
}"""
"""From the corner of the segment, which may still move."""
FOLLOWED = """line => {
  const spoken = document.querySelector("[data-spoken]");
  if (!spoken || parseInt(spoken.textContent.slice("Line ".length)) < line) return false;
  const { top, bottom } = spoken.getBoundingClientRect();
  return top >= 0 && bottom <= innerHeight;
}"""


async def fill(database: Database, directory: Path) -> None:
    store = AudioStore(str(directory))
    call = await store.put(recording(), recording().suffix)
    silence = directory.parent / "silence.flac"
    soundfile.write(silence, np.zeros(int(LONG_LINES * LONG_LINE_S * RATE), np.int16), RATE)
    async with database.session() as session:
        people = [await add_speaker(session, name) for name in ("Ana", "Ben Stone", "Unknown_01")]
        notes = [Note("left_out", "Music was left out.", 13.0, 14.0)]
        await add_conversation(session, people[:2], LINES, LINE_S, call, notes)
        lines = [f"Line {number}." for number in range(LONG_LINES)]
        await add_conversation(session, people, lines, LONG_LINE_S, await store.put(silence, ".flac"))
        await conversations.create(session, "At work", None, "flac")
        await conversations.fail(session, await conversations.create(session, "Broken", None, "flac"), "It has no sound.")
    silence.unlink()


@pytest.fixture(scope="module")
def address(database_url: str, directory: Path) -> Iterator[str]:
    async def fill_directory(database: Database) -> None:
        await fill(database, directory)

    with serving(Settings(speaker_threshold=0.5), database_url, directory, MODEL, fill_directory) as address:
        yield address


async def add_conversation(
    session: AsyncSession, people: Sequence[int], lines: Sequence[str], each: float, audio: str, notes: Sequence[Note] = ()
) -> int:
    """Add a conversation in which the people take turns; returns its id."""
    conversation_id = await conversations.create(session, "A talk", audio, "flac", notes=notes)
    voices = [
        ParticipantRow(conversation_id=conversation_id, label=f"SPEAKER_{number}", voice_id=speaker, speech_seconds=9.0)
        for number, speaker in enumerate(people)
    ]
    session.add_all(voices)
    await session.flush()
    for number, line in enumerate(lines):
        start = each * number
        emotion, sure = ("happy", 0.8) if number % 4 == 1 else ("neutral", 0.9)
        session.add(
            SegmentRow(
                conversation_id=conversation_id, participant_id=voices[number % len(voices)].id, position=number, text=line,
                start_offset=start, end_offset=start + 0.9 * each, words=words(line, start, 0.9 * each), language="en",
                emotion_category=emotion, emotion_confidence=sure,
            )
        )  # fmt: skip
    await session.flush()
    await conversations.complete(session, conversation_id, each * len(lines), "en")
    return conversation_id


def words(line: str, start: float, seconds: float) -> tuple[Word, ...]:
    """Those of the line, all of the same length."""
    parts = line.split()
    each = seconds / len(parts)
    return tuple(Word(f" {part}", start + number * each, start + (number + 1) * each, 0.9) for number, part in enumerate(parts))


async def open_conversation(window: BrowserContext, address: str, path: str) -> tuple[Page, list[str]]:
    await window.add_init_script(PLAYED)
    page, shown = await open_page(window, f"{address}/c/{path}")
    await expect(page.locator("[data-segment]").first).to_be_visible()
    return page, shown


async def click_word(page: Page, line: str, word: str) -> None:
    segment = page.locator("[data-segment]").get_by_text(line, exact=True)
    await segment.click(position=await segment.evaluate(PLACE, word))


async def marked(page: Page, name: str, text: str) -> None:
    """Wait until the text is marked."""
    async with asyncio.timeout(TIMEOUT_MS / 1000):
        while await page.evaluate(MARKED, name) != text:
            await page.evaluate("() => new Promise(requestAnimationFrame)")


def position(page: Page) -> Locator:
    return page.get_by_role("slider", name="Position", exact=True)


async def test_a_word_is_heard_where_it_is_clicked_and_marked_as_the_voice_goes_on(
    window: BrowserContext, address: str
) -> None:
    page, shown = await open_conversation(window, address, f"{SHORT}")
    await click_word(page, LINES[1], "parrot")
    await expect(page.get_by_role("button", name="Pause")).to_be_visible()
    assert await page.evaluate("played") == [pytest.approx(LINE_S + 2 * 0.9, abs=0.01)]
    await page.wait_for_function("() => new Set(spoken.slice(spoken.indexOf('parrot'))).size > 2")
    await page.get_by_role("button", name="Pause").click()
    await expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()
    spoken = await page.evaluate("spoken")
    following = iter(" ".join(LINES).split())
    assert all(word in following for word in spoken[spoken.index("parrot") :])  # in their order; a busy page may leave out some
    paused_s = await page.evaluate("audio.currentTime")
    await expect(page.locator("[data-spoken]")).to_have_text(LINES[min(int(paused_s / LINE_S), len(LINES) - 1)])
    await page.get_by_role("button", name="Hear Ben Stone").click()
    assert (await page.evaluate("played"))[1] == pytest.approx(LINE_S)
    await expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()  # it stops at the end of the sample
    await expect(position(page)).to_have_attribute("aria-valuetext", "0:07 of 0:24")
    assert shown == []


BUSY = "() => { for (const end = performance.now() + 5000; performance.now() < end; ); }"
HIDDEN = "() => { window.requestAnimationFrame = () => 0; }"
"""What a browser does with a window that cannot be seen."""


@pytest.mark.parametrize("state", [BUSY, HIDDEN], ids=["busy", "hidden"])
async def test_a_sample_ends_where_it_ends_also_in_a_page_that_is_busy_or_hidden(
    window: BrowserContext, address: str, state: str
) -> None:
    page, _ = await open_conversation(window, address, f"{SHORT}")
    await page.get_by_role("button", name="Hear Ben Stone").click()
    await page.wait_for_function("() => audio.currentTime > 4.1")
    await page.evaluate(state)
    await expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()
    await expect(position(page)).to_have_attribute("aria-valuetext", "0:07 of 0:24")


async def test_keys_move_through_the_recording(window: BrowserContext, address: str) -> None:
    page, shown = await open_conversation(window, address, f"{SHORT}?t=9")
    at = position(page)
    for key, time, word in (
        ("ArrowRight", "0:14", "it"),
        ("ArrowLeft", "0:09", "rests,"),
        (",", "0:08", "It"),
        (".", "0:08", "rests,"),
        ("ArrowDown", "0:12", "Then"),
        ("ArrowUp", "0:08", "It"),
        ("j", "0:00", "Good"),
        ("l", "0:10", "I"),
    ):
        await page.keyboard.press(key)
        await expect(at).to_have_attribute("aria-valuetext", f"{time} of 0:24")
        await marked(page, "spoken-word", word)
    await page.keyboard.press("]")
    await expect(page.get_by_role("combobox", name="Speed")).to_have_value("1.25")
    await page.keyboard.press("f")
    await expect(page.get_by_role("checkbox", name="Follow")).not_to_be_checked()
    await page.keyboard.press("g")
    await page.get_by_role("textbox", name="Time").fill("soon")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog")).to_contain_text("Write a time such as 12:07")
    await page.get_by_role("textbox", name="Time").fill("0:17")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await marked(page, "spoken-word", "Hello,")
    await page.keyboard.press(" ")
    await expect(page.get_by_role("button", name="Pause")).to_be_visible()
    await page.keyboard.press("k")
    await expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()
    assert shown == []


async def test_a_link_leads_to_its_moment_in_thousands_of_segments(window: BrowserContext, address: str) -> None:
    page, shown = await open_conversation(window, address, f"{LONG}?t=900.05")
    await expect(page.get_by_text("Line 4500.", exact=True)).to_be_in_viewport()
    await marked(page, "spoken-word", "Line")
    assert await page.evaluate("played") == []
    await expect(page.get_by_role("listitem").filter(has_text="Line 4500.")).to_have_attribute("aria-posinset", "4501")
    await expect(page.get_by_role("listitem").filter(has_text="Line 4500.")).to_have_attribute("aria-setsize", f"{LONG_LINES}")
    await page.keyboard.press("Control+End")
    await expect(page.get_by_text(f"Line {LONG_LINES - 1}.", exact=True)).to_be_in_viewport()
    assert await page.locator("[data-segment]").count() < MAX_ROWS
    await click_word(page, f"Line {LONG_LINES - 2}.", "Line")
    await expect(page.get_by_role("button", name="Pause")).to_be_visible()
    assert await page.evaluate("played") == [pytest.approx((LONG_LINES - 2) * LONG_LINE_S, abs=0.01)]
    assert shown == []


async def test_the_text_follows_the_voice_until_the_reader_scrolls(window: BrowserContext, address: str) -> None:
    page, _ = await open_conversation(window, address, f"{LONG}")
    await page.get_by_role("combobox", name="Speed").select_option("3")
    await page.get_by_role("button", name="Play", exact=True).click()
    await page.wait_for_function(FOLLOWED, arg=60)
    follow = page.get_by_role("checkbox", name="Follow")
    await expect(follow).to_be_checked()
    await page.mouse.wheel(0, 20_000)
    await expect(follow).not_to_be_checked()
    await expect(page.locator("[data-spoken]")).to_have_count(0)
    await page.get_by_role("button", name="Follow the voice").click()
    await expect(page.locator("[data-spoken]")).to_be_in_viewport()
    await expect(follow).to_be_checked()


async def test_what_is_searched_is_found_in_rows_that_were_not_rendered(window: BrowserContext, address: str) -> None:
    page, shown = await open_conversation(window, address, f"{LONG}")
    await page.keyboard.press("Control+f")
    field = page.get_by_role("textbox", name="Find in this conversation")
    await field.fill("LINE 499")
    await expect(page.get_by_role("status")).to_have_text("1 of 11")
    await marked(page, "found-now", "Line 499")
    await expect(page.get_by_text("Line 499.", exact=True)).to_be_in_viewport()
    await field.press("Shift+Enter")
    await expect(page.get_by_role("status")).to_have_text("11 of 11")
    await expect(page.get_by_text("Line 4999.", exact=True)).to_be_in_viewport()
    await field.fill("nothing of it")
    await expect(page.get_by_role("status")).to_have_text("No match")
    await field.press("Escape")
    await expect(field).to_have_count(0)
    await page.wait_for_function("() => [...CSS.highlights.keys()].every(name => !name.startsWith('found'))")
    assert shown == []


async def test_the_timeline_says_who_speaks_and_goes_where_it_is_clicked(window: BrowserContext, address: str) -> None:
    page, _ = await open_conversation(window, address, f"{SHORT}")
    timeline = page.get_by_role("slider", name="Position in the timeline")
    await expect(timeline).to_have_accessible_description("Who speaks when. Ana 50 %, Ben Stone 50 %")
    box = await timeline.bounding_box()
    assert box is not None
    await timeline.hover(position={"x": box["width"] * 5.5 / 24, "y": box["height"] - 5})
    await expect(timeline).to_contain_text("0:05 · Ben Stone · happy 80 %")
    await timeline.click(position={"x": box["width"] * 17.3 / 24, "y": 10})
    await expect(timeline).to_have_attribute("aria-valuetext", "0:17 of 0:24")
    await marked(page, "spoken-word", "Hello,")
    await timeline.press("Home")
    await expect(position(page)).to_have_attribute("aria-valuetext", "0:00 of 0:24")


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("number", [SHORT, LONG])
async def test_the_text_stays_in_its_place_while_the_rest_is_loaded(
    window: BrowserContext, address: str, number: int, width: int
) -> None:
    page = await window.new_page()
    await page.set_viewport_size({"width": width, "height": 900})
    await check_that_the_text_stays(page, f"{address}/c/{number}")


async def test_a_transcript_appears_when_the_work_has_ended(window: BrowserContext, address: str, database_url: str) -> None:
    page, shown = await open_page(window, f"{address}/c/{WORKING}")
    await expect(page.get_by_role("status")).to_contain_text("The recording is being processed.")
    database = Database(database_url)
    async with database.session() as session:
        await conversations.set_progress(session, WORKING, "diarizing", 0.5)
    await expect(page.get_by_role("status")).to_contain_text("Telling the voices apart")
    async with database.session() as session:
        await conversations.complete(session, WORKING, 4.0, "en")
    await database.dispose()
    await expect(page.get_by_text("Nothing was said in this recording.")).to_be_visible()
    await page.goto(f"{address}/c/{FAILED}")
    await expect(page.get_by_role("alert")).to_contain_text("It has no sound.")
    assert [line for line in shown if "404" not in line] == []


@pytest.mark.parametrize("path", [f"{SHORT}", f"{LONG}?t=500"])
async def test_a_conversation_is_accessible(window: BrowserContext, address: str, path: str) -> None:
    page, shown = await open_conversation(window, address, path)
    await expect(page.get_by_role("region", name="How it felt")).to_contain_text("calm")
    await check_accessibility(page)
    await page.keyboard.press("Control+f")
    await check_accessibility(page)
    assert shown == []


async def test_on_a_phone_the_player_is_above_the_navigation(window: BrowserContext, address: str) -> None:
    page, _ = await open_conversation(window, address, f"{SHORT}")
    await page.set_viewport_size({"width": 390, "height": 844})
    player = await page.get_by_role("region", name="Player").bounding_box()
    navigation = await page.get_by_role("navigation").bounding_box()
    assert player is not None
    assert navigation is not None
    assert player["y"] + player["height"] == pytest.approx(navigation["y"], abs=1)
    await click_word(page, LINES[0], "morning")
    await expect(page.get_by_role("button", name="Pause")).to_be_visible()
