"""Latency of full-text search on a large archive that is generated in PostgreSQL.

    python -m benchmarks.performance.search --segments 1000000

Words are drawn from 20,000 with Zipf's frequencies: some are in half of the segments, most in hardly any. Each kind of search
is timed with new words each time.
"""

import asyncio
import random
import statistics
import time
from collections.abc import Callable

from sqlalchemy import text

from benchmarks.harness.application import open_directory
from benchmarks.harness.command import run
from pipeline.access import LOCAL
from storage.postgres.database import Database, migrate
from storage.postgres.embedded import EmbeddedPostgres
from storage.search.search import Filters, search

VOCABULARY, SPEAKERS, PER_TALK = 20_000, 200, 100
STEP = 500  # conversations filled in a transaction

FILL = (
    "INSERT INTO speakers (name) SELECT 'Speaker ' || i FROM generate_series(1, {speakers}) i",
    """INSERT INTO conversations (title, start_time, end_time, duration, status, audio_format)
    SELECT 'Talk ' || i, now() - i * interval '1 hour', now() - i * interval '1 hour' + interval '10 minutes', 600,
    'completed', 'flac'     FROM generate_series(1, {talks}) i""",
    """INSERT INTO participants (conversation_id, label, speaker_id) SELECT c.id, 'SPEAKER_0' || p,
    CASE WHEN random() < 0.9 THEN 1 + floor(power(random(), 3) * {speakers}) END
    FROM conversations c, generate_series(0, 2) p ORDER BY c.id, p""",
    """INSERT INTO segments (conversation_id, participant_id, position, start_offset, end_offset, text, emotion_category)
    SELECT conversation_id, (conversation_id - 1) * 3 + 1 + i % 3, i, i * 6, i * 6 + 5,
    -- The condition, which always holds, has new words drawn for each line.
    (SELECT string_agg('word' || floor(power({vocabulary}, random()))::int, ' ')
     FROM generate_series(1, 12 + i % 5) w WHERE i + conversation_id > 0),
    (ARRAY['neutral', 'happy', 'angry', 'sad'])[1 + floor(power(random(), 3) * 4)::int]
    FROM generate_series({first}, {last}) conversation_id, generate_series(0, {per_talk} - 1) i
    -- As recordings are stored: PostgreSQL would put segments of the same place in all conversations next to each other.
    ORDER BY conversation_id, i""",
)


async def fill(database: Database, segments: int) -> None:
    talks = segments // PER_TALK
    values = {"speakers": SPEAKERS, "talks": talks, "vocabulary": VOCABULARY, "per_talk": PER_TALK}
    for statement in FILL:
        for first in range(1, talks + 1, STEP) if "{first}" in statement else (1,):
            async with database.session() as session:
                await session.execute(text(statement.format(**values, first=first, last=min(first + STEP - 1, talks))))
    async with database.engine.connect() as connection:
        await (await connection.execution_options(isolation_level="AUTOCOMMIT")).execute(text("VACUUM ANALYZE"))


def kinds(draw: random.Random) -> dict[str, Callable[[], tuple[str, Filters, str]]]:
    def word(low: int, high: int) -> str:
        return f"word{draw.randint(low, high)}"

    def speaker() -> Filters:
        return Filters(speaker_id=1 + int(draw.random() ** 3 * SPEAKERS))

    return {
        "a rare word": lambda: (word(5000, 19_999), Filters(), "relevance"),
        "a word": lambda: (word(100, 5000), Filters(), "relevance"),
        "a word of every line": lambda: (word(1, 5), Filters(), "relevance"),
        "two words": lambda: (f"{word(10, 200)} {word(10, 2000)}", Filters(), "relevance"),
        "a phrase": lambda: (f'"{word(1, 300)} {word(1, 300)}"', Filters(), "relevance"),
        "this or that": lambda: (f"{word(20, 2000)} or {word(20, 2000)}", Filters(), "relevance"),
        "this, not that": lambda: (f"{word(20, 2000)} -{word(1, 20)}", Filters(), "relevance"),
        "a word, newest": lambda: (word(1, 5000), Filters(), "newest"),
        "a word of a speaker": lambda: (word(1, 2000), speaker(), "relevance"),
        "an emotion of a speaker": lambda: ("", Filters(speaker_id=speaker().speaker_id, emotion="angry"), "newest"),
        "a word in a conversation": lambda: (word(1, 100), Filters(conversation_id=draw.randint(1, 1000)), "relevance"),
    }


async def measure(database: Database, rounds: int) -> None:
    everything = []
    print(f"{'':26}{'median':>9}{'p95':>9}{'hits':>9}   (ms)")
    for name, kind in kinds(random.Random(1)).items():
        times, hits = [], []
        for _ in range(rounds):
            query, filters, order = kind()
            began = time.perf_counter()
            async with database.session() as session:
                found = await search(session, LOCAL, query, filters, order)  # type: ignore[arg-type]
            times.append(1000 * (time.perf_counter() - began))
            hits.append(found.total)
        everything += times
        print(f"{name:26}{statistics.median(times):9.1f}{_p95(times):9.1f}{statistics.median(hits):9.0f}", flush=True)
    print(f"{'all':26}{statistics.median(everything):9.1f}{_p95(everything):9.1f}")


def _p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20)[-1]


async def measure_all(url: str, segments: int, rounds: int) -> None:
    await migrate(url)
    database = Database(url)
    began = time.perf_counter()
    await fill(database, segments)
    print(f"{segments} segments in {time.perf_counter() - began:.0f} s")
    await measure(database, rounds)
    await database.dispose()


def main(segments: int = 1_000_000, rounds: int = 40) -> None:
    with open_directory() as directory, EmbeddedPostgres(directory / "postgres") as server:
        asyncio.run(measure_all(server, segments, rounds))


if __name__ == "__main__":
    run(main)
