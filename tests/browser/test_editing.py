"""Corrections on the screen of a conversation: text, splits, replacements, emotions, doubtful words, and undoing them."""

import asyncio
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, Dialog, Locator, Page, Route, expect
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from storage.audio import AudioStore
from storage.postgres.database import Database
from storage.tables import SegmentRow, Speaker
from tests.browser.checks import check_accessibility
from tests.browser.conftest import SETTINGS
from tests.browser.test_conversation import LINE_S, LINES, add_conversation, marked, open_conversation
from tests.storage.archive import add_speaker
from tests.storage.transcripts import MODEL
from tests.support.application import serving
from vivavoce.sample import recording

DOUBTFUL = {1: "parrot", 3: "wake"}
"""Words with a low probability, by the position of their segment."""


@pytest.fixture(scope="module")
def address(database_url: str, directory: Path) -> Iterator[str]:
    """One application for all tests; each has a conversation of its own."""

    async def fill(database: Database) -> None:
        async with database.session() as session:
            for name in ("Ana", "Ben Stone"):
                await add_speaker(session, name)

    with serving(SETTINGS, database_url, directory, MODEL, fill) as address:
        yield address


async def add_doubtful(session: AsyncSession, audio: str) -> int:
    """Add a conversation of all speakers, with doubtful words; returns its id."""
    people = (await session.scalars(select(Speaker.id).order_by(Speaker.id))).all()
    added = await add_conversation(session, people, LINES, LINE_S, audio)
    own = select(SegmentRow).where(SegmentRow.conversation_id == added, SegmentRow.position.in_(DOUBTFUL))
    for segment in await session.scalars(own):
        doubtful = DOUBTFUL[int(segment.position)]
        segment.words = tuple(
            replace(word, probability=0.2) if word.text.strip() == doubtful else word for word in segment.words or ()
        )
    return added


@pytest.fixture
async def conversation(address: str, database_url: str, directory: Path) -> int:
    """A conversation of Ana and Ben Stone with two doubtful words."""
    audio = await AudioStore(str(directory)).put(recording(), recording().suffix)
    database = Database(database_url)
    async with database.session() as session:
        added = await add_doubtful(session, audio)
    await database.dispose()
    return added


async def stored(page: Page, address: str, conversation: int) -> list[str]:
    """The texts of the segments on the server."""
    answer = await page.request.get(f"{address}/api/v1/conversations/{conversation}")
    return [segment["text"].strip() for segment in (await answer.json())["segments"]]


def segments(page: Page) -> Locator:
    return page.locator("[data-segment]")


def editor(page: Page, position: int) -> Locator:
    seconds = round(position * LINE_S)
    return page.get_by_role("textbox", name=f"Text of the segment at 0:{seconds:02}")


async def test_text_is_edited_in_place(window: BrowserContext, address: str, conversation: int) -> None:
    page, shown = await open_conversation(window, address, f"{conversation}")
    await segments(page).nth(1).dblclick()
    await expect(editor(page, 1)).to_be_focused()
    await check_accessibility(page)
    await editor(page, 1).fill("The parrot lives.")
    await page.keyboard.press("Tab")
    await expect(editor(page, 2)).to_be_focused()
    await page.keyboard.type("Not ")
    await page.keyboard.press("Escape")
    await expect(segments(page)).to_have_text([LINES[0], "The parrot lives.", *LINES[2:]])
    await page.keyboard.press("Control+z")
    await expect(segments(page)).to_have_text(LINES)
    assert await stored(page, address, conversation) == list(LINES)
    await page.keyboard.press("Control+Shift+z")
    await expect(segments(page)).to_have_text([LINES[0], "The parrot lives.", *LINES[2:]])
    assert await stored(page, address, conversation) == [LINES[0], "The parrot lives.", *LINES[2:]]
    assert shown == []


async def test_a_segment_without_text_is_deleted(window: BrowserContext, address: str, conversation: int) -> None:
    page, shown = await open_conversation(window, address, f"{conversation}")
    await segments(page).nth(4).dblclick()
    await editor(page, 4).fill("")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("The segment is deleted.", exact=True)).to_be_visible()
    await expect(segments(page)).to_have_text([*LINES[:4], LINES[5]])
    assert await stored(page, address, conversation) == [*LINES[:4], LINES[5]]
    await page.get_by_role("button", name="Undo", exact=True).click()
    await expect(segments(page)).to_have_text(LINES)
    assert await stored(page, address, conversation) == list(LINES)
    assert shown == []


async def test_a_segment_is_split_at_the_cursor(window: BrowserContext, address: str, conversation: int) -> None:
    page, shown = await open_conversation(window, address, f"{conversation}")
    await segments(page).nth(2).dblclick()
    await expect(editor(page, 2)).to_be_focused()
    await page.keyboard.press("Control+Home")
    for _ in range(len("It rests, ")):
        await page.keyboard.press("ArrowRight")
    await page.keyboard.press("Control+Enter")
    split = [*LINES[:2], "It rests,", "I am sure.", *LINES[3:]]
    await expect(segments(page)).to_have_text(split)
    assert await stored(page, address, conversation) == split
    await page.keyboard.press("Control+z")
    await expect(segments(page)).to_have_text(LINES)
    assert shown == []


async def test_the_key_m_joins_segments_of_one_voice(window: BrowserContext, address: str, conversation: int) -> None:
    page, shown = await open_conversation(window, address, f"{conversation}?t={2 * LINE_S}")
    await page.keyboard.press("m")
    await expect(page.get_by_text("There is no next segment of this voice.", exact=True)).to_be_visible()
    assert await stored(page, address, conversation) == list(LINES)
    await page.keyboard.press("2")  # Ben Stone, who says what follows
    await expect(page.get_by_role("heading", name="Ana")).to_have_count(2)
    await page.keyboard.press("m")
    joined = [*LINES[:2], f"{LINES[2]} {LINES[3]}", *LINES[4:]]
    await expect(segments(page)).to_have_text(joined)
    assert await stored(page, address, conversation) == joined
    await page.keyboard.press("Control+z")
    await expect(segments(page)).to_have_text(LINES)
    assert shown == []


async def test_changes_are_undone_in_the_order_in_which_they_were_made(
    window: BrowserContext, address: str, conversation: int
) -> None:
    """Though the answer to the first of them comes later than the event that reports it."""
    page, shown = await open_conversation(window, address, f"{conversation}?t={2 * LINE_S}")

    pressed, answered = asyncio.Event(), asyncio.Event()

    async def slow(route: Route) -> None:
        answer = await route.fetch()
        await pressed.wait()
        await asyncio.sleep(3)  # the segments would be joined meanwhile
        await route.fulfill(response=answer)
        answered.set()

    await page.route("**/reassign", slow)
    await page.keyboard.press("2")  # Ben Stone, who says what follows
    await expect(page.get_by_role("heading", name="Ana")).to_have_count(2)
    await page.keyboard.press("m")
    pressed.set()
    await answered.wait()
    await asyncio.sleep(3)  # the page reads what was changed
    await expect(segments(page)).to_have_text([*LINES[:2], f"{LINES[2]} {LINES[3]}", *LINES[4:]])
    await page.keyboard.press("Control+z")
    await expect(segments(page)).to_have_text(LINES)
    assert shown == []


async def test_each_undo_takes_back_its_own_change(window: BrowserContext, address: str, conversation: int) -> None:
    page, shown = await open_conversation(window, address, f"{conversation}?t={2 * LINE_S}")
    changes = f"{address}/api/v1/speakers/changes"
    before = [change["id"] for change in await (await page.request.get(changes)).json() if change["undone_at"] is None]
    undo = page.get_by_role("button", name="Undo", exact=True)
    edited = [LINES[0], "The parrot lives.", *LINES[2:]]

    await segments(page).nth(1).dblclick()
    await editor(page, 1).fill(edited[1])
    await page.keyboard.press("Enter")
    await expect(segments(page)).to_have_text(edited)
    await page.keyboard.press("n")
    await expect(page.get_by_role("combobox", name="Name")).to_be_focused()
    await page.keyboard.type("Ben Stone")
    await page.keyboard.press("Enter")
    await undo.click()  # beside "Ben Stone: …"
    await expect(page.get_by_text("Undone.", exact=True)).to_be_visible()
    await page.keyboard.press("Control+z")
    await expect(segments(page)).to_have_text(LINES)
    left = [change["id"] for change in await (await page.request.get(changes)).json() if change["undone_at"] is None]
    assert left == before

    await segments(page).nth(4).dblclick()
    await editor(page, 4).fill("")
    await page.keyboard.press("Enter")
    await expect(segments(page)).to_have_count(len(LINES) - 1)
    await segments(page).nth(1).dblclick()
    await editor(page, 1).fill(edited[1])
    await page.keyboard.press("Enter")
    await expect(segments(page)).to_have_text([*edited[:4], LINES[5]])
    await undo.click()  # beside "The segment is deleted."
    await expect(page.get_by_text("Something was changed after that. Undo it first, with Ctrl+Z.", exact=True)).to_be_visible()
    await expect(segments(page)).to_have_text([*edited[:4], LINES[5]])
    for text in ([*LINES[:4], LINES[5]], LINES):
        await page.keyboard.press("Control+z")
        await expect(segments(page)).to_have_text(text)
    assert shown == []


async def refuse_texts(page: Page, begin: asyncio.Event | None = None) -> None:
    """Let requests that change a text fail, once `begin` is set."""

    async def refuse(route: Route) -> None:
        if route.request.method != "PATCH":
            await route.continue_()
            return
        if begin is not None:
            await begin.wait()
        await route.abort()

    await page.route("**/segments/*", refuse)


async def test_what_cannot_be_saved_is_kept_while_the_next_segment_is_edited(
    window: BrowserContext, address: str, conversation: int
) -> None:
    page, _ = await open_conversation(window, address, f"{conversation}")

    await refuse_texts(page)
    await segments(page).nth(1).dblclick()
    await editor(page, 1).fill("The parrot lives.")
    await page.keyboard.press("Tab")
    await expect(editor(page, 2)).to_be_focused()
    await expect(page.get_by_text("Not saved. Vivavoce does not answer. Check that it is running.", exact=True)).to_be_visible()
    await expect(page.get_by_text("Not saved: The parrot lives.", exact=True)).to_be_visible()
    await page.unroute("**/segments/*")
    await page.get_by_role("button", name="Edit the text").click()
    await expect(editor(page, 1)).to_have_text("The parrot lives.")
    async with page.expect_response(lambda answer: answer.request.method == "PATCH"):
        await page.keyboard.press("Enter")
    await expect(segments(page)).to_have_text([LINES[0], "The parrot lives.", *LINES[2:]])
    assert await stored(page, address, conversation) == [LINES[0], "The parrot lives.", *LINES[2:]]


async def test_a_text_that_is_not_saved_is_marked_in_its_row(window: BrowserContext, address: str, conversation: int) -> None:
    page, _ = await open_conversation(window, address, f"{conversation}")

    await refuse_texts(page)
    mark = page.get_by_text(re.compile("^Not saved: "))
    for position, typed in ((1, "The parrot lives."), (4, "It is gone.")):
        await segments(page).nth(position).dblclick()
        await editor(page, position).fill(typed)
        await page.keyboard.press("Enter")
        await expect(mark.filter(has_text=typed)).to_be_visible()
    await check_accessibility(page)
    close = page.get_by_role("button", name="Close", exact=True)
    while await close.count():
        await close.last.click()
    await expect(mark).to_have_count(2)
    await page.get_by_role("button", name="Try again").first.click()
    await expect(mark.filter(has_text="The parrot lives.")).to_be_visible()  # it is refused again
    await page.unroute("**/segments/*")
    await page.get_by_role("button", name="Discard").last.click()
    await expect(mark).to_have_count(1)
    await page.get_by_role("button", name="Try again").click()
    await expect(mark).to_have_count(0)
    await expect(segments(page)).to_have_text([LINES[0], "The parrot lives.", *LINES[2:]])
    await expect(page.get_by_text("A person corrected this.")).to_have_count(1)  # the text is stored
    assert await stored(page, address, conversation) == [LINES[0], "The parrot lives.", *LINES[2:]]


async def test_a_text_that_is_not_saved_is_kept_while_other_screens_are_shown(
    window: BrowserContext, address: str, conversation: int
) -> None:
    page, _ = await open_conversation(window, address, f"{conversation}")
    left = asyncio.Event()
    await refuse_texts(page, left)
    await segments(page).nth(1).dblclick()
    await editor(page, 1).fill("The parrot lives.")
    await page.get_by_role("link", name="People", exact=True).click()
    await expect(segments(page)).to_have_count(0)
    left.set()
    await page.get_by_role("button", name="Edit the text").click()  # beside "Not saved."
    mark = page.get_by_text("Not saved: The parrot lives.", exact=True)
    await expect(mark).to_be_visible()
    asked: list[str] = []

    async def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        await dialog.dismiss()

    page.once("dialog", stay)
    await page.close(run_before_unload=True)
    await expect(mark).to_be_visible()
    assert asked == ["beforeunload"]
    await page.unroute("**/segments/*")
    async with page.expect_response(lambda answer: answer.request.method == "PATCH"):
        await page.get_by_role("button", name="Try again").click()
    await expect(mark).to_have_count(0)
    assert await stored(page, address, conversation) == [LINES[0], "The parrot lives.", *LINES[2:]]


async def test_a_conversation_stays_when_it_cannot_be_read_again(
    window: BrowserContext, address: str, conversation: int
) -> None:
    page, _ = await open_conversation(window, address, f"{conversation}")
    refused = asyncio.Event()

    async def refuse(route: Route) -> None:
        refused.set()
        await route.fulfill(status=503, json={"detail": "The database is away."})

    own = f"**/api/v1/conversations/{conversation}?*"
    await page.route(own, refuse)
    changed = await page.request.patch(f"{address}/api/v1/conversations/{conversation}", data={"title": "Parrots"})
    assert changed.ok
    await refused.wait()
    await asyncio.sleep(8)  # it tries twice more, after one and two seconds
    await expect(segments(page)).to_have_text(LINES)
    await page.unroute(own)
    await page.request.patch(f"{address}/api/v1/conversations/{conversation}", data={"title": "Late parrots"})
    await expect(page.get_by_role("heading", name="Late parrots")).to_be_visible()


async def test_words_are_replaced_after_a_preview(window: BrowserContext, address: str, conversation: int) -> None:
    page, shown = await open_conversation(window, address, f"{conversation}")
    await page.keyboard.press("Control+h")
    dialog = page.get_by_role("dialog", name="Replace in this conversation")
    await dialog.get_by_role("textbox", name="Find").fill("PARROT")
    await dialog.get_by_role("textbox", name="Replace by").fill("Norwegian Blue")
    changed = [line.replace("parrot", "Norwegian Blue") for line in LINES]
    await expect(dialog).to_contain_text("2 places in 2 segments")
    await expect(dialog.get_by_role("listitem")).to_have_text([changed[1], changed[4]])
    await check_accessibility(page)
    await dialog.get_by_role("checkbox", name="Match case").check()
    await expect(dialog).to_contain_text("Found nowhere.")
    await dialog.get_by_role("checkbox", name="Match case").uncheck()
    assert await stored(page, address, conversation) == list(LINES)
    await dialog.get_by_role("button", name="Replace 2").click()
    await expect(dialog).to_have_count(0)
    await expect(segments(page)).to_have_text(changed)
    assert await stored(page, address, conversation) == changed
    await page.get_by_role("button", name="Undo", exact=True).click()
    await expect(segments(page)).to_have_text(LINES)
    assert shown == []


async def test_an_emotion_is_corrected_and_that_is_undone(window: BrowserContext, address: str, conversation: int) -> None:
    page, shown = await open_conversation(window, address, f"{conversation}?t={LINE_S}")

    async def emotions() -> list[str]:
        answer = await page.request.get(f"{address}/api/v1/conversations/{conversation}")
        return [segment["emotion_category"] for segment in (await answer.json())["segments"]]

    before = await emotions()
    await page.keyboard.press("e")
    picker = page.get_by_role("dialog", name="How does it sound?")
    await expect(picker).to_contain_text("Detected: happy, 80%")
    await picker.get_by_role("button", name="angry").click()
    await page.get_by_role("button", name="Undo", exact=True).wait_for()
    assert await emotions() == [before[0], "angry", *before[2:]]
    await page.get_by_role("button", name="Undo", exact=True).click()
    await expect(page.get_by_text("The former emotion is back.", exact=True)).to_be_visible()
    assert await emotions() == before
    assert shown == []


async def test_doubtful_words_are_visited(window: BrowserContext, address: str, conversation: int) -> None:
    page, shown = await open_conversation(window, address, f"{conversation}")
    for key, word in (("ArrowDown", "parrot"), ("ArrowDown", "wake"), ("ArrowUp", "parrot")):
        await page.keyboard.press(f"Alt+{key}")
        await expect(page.get_by_text(f"“{word}”: the program is 20% sure")).to_be_visible()
        await marked(page, "doubtful-word", word)
    await check_accessibility(page)
    await page.get_by_role("button", name="Edit the text").click()
    await editor(page, 1).fill("Is the carrot dead?")
    await page.keyboard.press("Enter")
    await expect(segments(page).nth(1)).to_have_text("Is the carrot dead?")
    await expect(page.get_by_text("A person corrected this.")).to_have_count(1)  # the text is stored
    await page.keyboard.press("Alt+ArrowDown")
    await marked(page, "doubtful-word", "wake")
    await page.keyboard.press("Alt+ArrowUp")  # a corrected text has no doubtful words
    await expect(page.get_by_text("No doubtful word in this direction.", exact=True)).to_be_visible()
    await marked(page, "doubtful-word", "wake")
    assert shown == []


async def test_doubtful_words_are_visited_without_a_keyboard(window: BrowserContext, address: str, conversation: int) -> None:
    page, shown = await open_conversation(window, address, f"{conversation}")
    await page.get_by_role("button", name="More", exact=True).click()
    await page.get_by_role("menuitem", name="Next doubtful word").click()
    await marked(page, "doubtful-word", "parrot")
    await page.get_by_role("button", name="Next doubtful word").click()
    await marked(page, "doubtful-word", "wake")
    assert shown == []
