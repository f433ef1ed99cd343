"""The first screen of the page with an archive of long recordings: how the list arrives, with a timeline in each row.

    python -m benchmarks.performance.archive_page --conversations 50 --segments 10000

All conversations are copies of one in the database; at 4.3 s a segment, 10,000 are twelve hours. Each visit has an empty cache.
"""

import asyncio
import statistics
from dataclasses import dataclass

from playwright.async_api import Browser, expect
from sqlalchemy import inspect, text

from benchmarks.harness.command import run
from benchmarks.performance.page import SCROLL, SLOW_FRAME_MS, add, heap_mb, served
from storage.postgres.database import Database
from storage.tables import SegmentRow
from tests.browser.checks import open_page
from tests.browser.conftest import launched
from vivavoce.printing import table

OWN = {"id", "conversation_id", "participant_id", "lexemes"}
COPIED = ", ".join(f'"{column.name}"' for column in inspect(SegmentRow).columns if column.name not in OWN)
COPY = (
    """INSERT INTO conversations (title, start_time, end_time, duration, status, audio_format, audio_key, languages)
    SELECT title, start_time - make_interval(days => :number), end_time, duration, status, audio_format, audio_key, languages
    FROM conversations WHERE id = 1""",
    """INSERT INTO participants (conversation_id, label, speaker_id, speech)
    SELECT :id, label, speaker_id, speech FROM participants WHERE conversation_id = 1""",
    f"""INSERT INTO segments (conversation_id, participant_id, {COPIED})
    SELECT :id, own.id, {", ".join(f"s.{name}" for name in COPIED.split(", "))} FROM segments s
    JOIN participants first ON first.id = s.participant_id
    JOIN participants own ON own.label = first.label AND own.conversation_id = :id WHERE s.conversation_id = 1""",
)

FIRST_ROW = """
const watch = () => {
  if (document.querySelector("li[data-index] svg rect")) window.firstRow = performance.now();
  else requestAnimationFrame(watch);
};
addEventListener("DOMContentLoaded", watch);
"""
LISTED = """() => performance.getEntriesByType("resource").filter(({ name }) => /timeline/.test(name))
  .map(({ transferSize, decodedBodySize, requestStart, responseEnd }) =>
    [transferSize, decodedBodySize, responseEnd - requestStart])[0]"""


@dataclass(frozen=True)
class Visit:
    sent_kb: float
    decoded_kb: float
    answer_ms: float
    first_row_ms: float
    frames_ms: list[float]
    heap_mb: float

    def row(self) -> list[str]:
        slow = sum(frame > SLOW_FRAME_MS for frame in self.frames_ms) / len(self.frames_ms)
        return [
            f"{self.sent_kb:.0f} ({self.decoded_kb:.0f})",
            f"{self.answer_ms:.0f}",
            f"{self.first_row_ms:.0f}",
            f"{statistics.median(self.frames_ms):.0f}, {statistics.quantiles(self.frames_ms, n=20)[-1]:.0f}",
            f"{slow:.1%}",
            f"{self.heap_mb:.1f}",
        ]


HEADER = ["list, kB (decoded)", "its answer, ms", "first row, ms", "frame, ms: median, p95", "> 50 ms", "heap, MB"]


async def copy(database: Database, conversations: int) -> None:
    """Copy the first conversation until there are so many."""
    for id_ in range(2, conversations + 1):
        async with database.session() as session:
            for statement in COPY:
                await session.execute(text(statement), {"number": id_, "id": id_})
    async with database.engine.connect() as connection:
        await (await connection.execution_options(isolation_level="AUTOCOMMIT")).execute(text("VACUUM ANALYZE"))


async def visit(browser: Browser, address: str, frames: int) -> Visit:
    async with await browser.new_context() as window:
        await window.add_init_script(FIRST_ROW)
        page, _ = await open_page(window, address)
        await expect(page.locator("li[data-index] svg").first).to_be_visible()
        await page.wait_for_function("window.firstRow")
        sent, decoded, answer = await page.evaluate(LISTED)
        first_row = await page.evaluate("window.firstRow")
        deltas = await page.evaluate(SCROLL, frames)
        heap = await heap_mb(await window.new_cdp_session(page))
    return Visit(sent / 1000, decoded / 1000, answer, first_row, deltas, heap)


async def visits(address: str, number: int, frames: int) -> None:
    async with launched() as browser:
        await visit(browser, address, 2)  # also warms the server
        print(table(HEADER, [(await visit(browser, address, frames)).row() for _ in range(number)]))


def main(conversations: int = 50, segments: int = 10_000, frames: int = 60, number: int = 3) -> None:
    async def fill(database: Database, audio: str, people: list[int]) -> None:
        async with database.session() as session:
            await add(session, segments, audio, people)
        await copy(database, conversations)

    with served(fill) as address:
        asyncio.run(visits(address, number, frames))


if __name__ == "__main__":
    run(main)
