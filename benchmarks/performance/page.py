"""The page with a long conversation beside a short one, in a headless Chromium against the application on this machine.

    python -m benchmarks.performance.page --segments 10000

Both conversations are rows in the database; their recording is the packaged sample, shorter than their times say.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.async_api import Browser, CDPSession, Page, expect
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from benchmarks.harness.application import open_directory
from benchmarks.harness.command import run
from pipeline.types import Word
from storage.audio import AudioStore
from storage.conversations import conversations
from storage.postgres.database import Database, migrate
from storage.postgres.embedded import EmbeddedPostgres
from storage.tables import ParticipantRow, SegmentRow
from tests.browser.checks import open_page
from tests.browser.conftest import SETTINGS, launched
from tests.storage.archive import add_speaker
from tests.storage.transcripts import MODEL
from tests.support.application import serving
from vivavoce.printing import table
from vivavoce.sample import recording

SHORT = 100
"""Segments of the conversation beside the long one."""
SEGMENT_S, WORDS, SPEAKERS = 4.3, 12, 4
"""10,000 segments are twelve hours."""
SLOW_FRAME_MS = 50.0

FIRST_TEXT = """
const watch = () => {
  if (document.querySelector("[data-segment]")) window.firstText = performance.now();
  else requestAnimationFrame(watch);
};
addEventListener("DOMContentLoaded", watch);
"""
LOADED = """() => performance.getEntriesByType("resource").concat(performance.getEntriesByType("navigation"))
  .filter(({ name, startTime }) => startTime < window.firstText && !/\\/audio$/.test(name))
  .map(({ name, transferSize, decodedBodySize }) => [/\\/api\\//.test(name), transferSize, decodedBodySize])"""
SCROLL = """async (frames) => {
  const deltas = [];
  let last = await new Promise(requestAnimationFrame);
  for (let frame = 0; frame < frames; frame++) {
    window.scrollBy(0, 400);
    const now = await new Promise(requestAnimationFrame);
    deltas.push(now - last);
    last = now;
  }
  return deltas;
}"""


@dataclass(frozen=True)
class Visit:
    program_kb: float
    """What came over the network for HTML, scripts and styles until there was text: compressed, without the API's answers."""
    program_decoded_kb: float
    answers_kb: float
    first_text_ms: float
    frames_ms: list[float]
    heap_mb: float
    edits_ms: list[float]
    """From the Enter key until the answer that the text is stored."""

    def row(self, name: str) -> list[str]:
        slow = sum(frame > SLOW_FRAME_MS for frame in self.frames_ms) / len(self.frames_ms)
        return [
            name,
            f"{self.program_kb:.0f} ({self.program_decoded_kb:.0f})",
            f"{self.answers_kb:.0f}",
            f"{self.first_text_ms:.0f}",
            f"{statistics.median(self.frames_ms):.0f}, {statistics.quantiles(self.frames_ms, n=20)[-1]:.0f}",
            f"{slow:.1%}",
            f"{self.heap_mb:.1f}",
            f"{statistics.median(self.edits_ms):.0f} (most {max(self.edits_ms):.0f})",
        ]


HEADER = [
    "segments",
    "program, kB (decoded)",
    "answers, kB",
    "first text, ms",
    "frame, ms: median, p95",
    "> 50 ms",
    "heap, MB",
    "edit, ms",
]


async def add(session: AsyncSession, segments: int, audio: str, people: list[int]) -> None:
    """Add a conversation in which four people take turns."""
    id_ = await conversations.create(session, f"{segments} segments", audio, "flac")
    voices = [ParticipantRow(conversation_id=id_, label=f"SPEAKER_{one}", voice_id=one, speech_seconds=9.0) for one in people]
    session.add_all(voices)
    await session.flush()
    rows = []
    for number in range(segments):
        start, each = number * SEGMENT_S, 0.9 * SEGMENT_S / WORDS
        texts = [f"word{(number * 7 + word * word) % 997}" for word in range(WORDS)]
        words = tuple(Word(f" {text}", start + i * each, start + (i + 1) * each, 0.9) for i, text in enumerate(texts))
        rows.append(
            {
                "conversation_id": id_, "participant_id": voices[number // 2 % SPEAKERS].id, "position": number,
                "text": " ".join(texts), "start_offset": start, "end_offset": start + 0.9 * SEGMENT_S, "words": words,
                "language": "en", "emotion_category": "neutral" if number % 5 else "happy", "emotion_confidence": 0.8,
            }
        )  # fmt: skip
    await session.execute(insert(SegmentRow), rows)
    await conversations.complete(session, id_, segments * SEGMENT_S, "en")


async def edit(page: Page, number: int) -> float:
    """Milliseconds that one edit took."""
    await page.locator("[data-segment]").nth(number).dblclick()
    await expect(page.get_by_role("textbox", name="Text of the segment")).to_be_focused()
    await page.keyboard.type("edited ")
    async with page.expect_response(lambda answer: answer.request.method == "PATCH") as answer:
        began = time.perf_counter()
        await page.keyboard.press("Enter")
    assert (await answer.value).ok
    return 1000 * (time.perf_counter() - began)


async def heap_mb(session: CDPSession) -> float:
    """What scripts hold after a garbage collection."""
    await session.send("HeapProfiler.collectGarbage")
    usage = await session.send("Runtime.getHeapUsage")
    return float(usage["usedSize"]) / 1e6


async def visit(browser: Browser, url: str, frames: int, edits: int) -> Visit:
    """Open a conversation with an empty cache, scroll it and edit it."""
    async with await browser.new_context() as window:
        await window.add_init_script(FIRST_TEXT)
        page, _ = await open_page(window, url)
        await expect(page.locator("[data-segment]").first).to_be_visible()
        await expect(page.locator("li[aria-setsize='-1']")).to_have_count(0)  # all segments are loaded
        loaded = await page.evaluate(LOADED)
        first_text = await page.evaluate("window.firstText")
        deltas = await page.evaluate(SCROLL, frames)
        heap = await heap_mb(await window.new_cdp_session(page))
        await page.evaluate("window.scrollTo(0, 0)")
        times = [await edit(page, number) for number in range(edits)]
    program = [(sent, decoded) for is_answer, sent, decoded in loaded if not is_answer]
    answers = sum(sent for is_answer, sent, _ in loaded if is_answer)
    sent, decoded = (sum(column) / 1000 for column in zip(*program, strict=True))
    return Visit(sent, decoded, answers / 1000, first_text, deltas, heap, times)


async def visits(address: str, segments: int, frames: int, edits: int) -> None:
    async with launched() as browser:
        await visit(browser, f"{address}/c/1", 2, 1)  # the first visit also warms the server
        rows = [
            (await visit(browser, f"{address}/c/{id_}", frames, edits)).row(f"{count:,}")
            for id_, count in ((1, SHORT), (2, segments))
        ]
    print(table(HEADER, rows))


Fill = Callable[[Database, str, list[int]], Awaitable[None]]


@contextmanager
def served(fill: Fill) -> Iterator[str]:
    """The address of an application. `fill` writes its rows, given the key of a recording and ids of `SPEAKERS` people."""

    async def prepare(database: Database) -> None:
        audio = await AudioStore(recordings).put(recording(), recording().suffix)
        async with database.session() as session:
            people = [await add_speaker(session, f"Speaker {number}") for number in range(SPEAKERS)]
        await fill(database, audio, people)

    with (
        open_directory() as directory,
        EmbeddedPostgres(directory / "postgres") as url,
        tempfile.TemporaryDirectory() as recordings,
    ):
        asyncio.run(migrate(url))
        with serving(SETTINGS, url, Path(recordings), MODEL, prepare) as address:
            yield address


def main(segments: int = 10_000, frames: int = 300, edits: int = 5) -> None:
    async def fill(database: Database, audio: str, people: list[int]) -> None:
        async with database.session() as session:
            for count in (SHORT, segments):
                await add(session, count, audio, people)

    with served(fill) as address:
        asyncio.run(visits(address, segments, frames, edits))


if __name__ == "__main__":
    run(main)
