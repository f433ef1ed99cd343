"""Measure how long an erasure takes, and how long other requests wait for it.

    python -m benchmarks.performance.erasure [--segments 100000]

Conversations of 100 segments, with voice vectors of 256 and emotion vectors of 1024 numbers, and one profile of all of it.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Annotated

import typer
from sqlalchemy import select, text

from benchmarks.harness.application import open_directory
from benchmarks.harness.command import run
from services.erasure import conversations, speakers
from settings import Settings
from storage.backups import backups
from storage.backups.snapshots import Running
from storage.erasure import pending, space
from storage.postgres.database import Database, migrate
from storage.postgres.embedded import EmbeddedPostgres
from storage.tables import SegmentRow
from vivavoce.printing import table

EACH = 100
"""Segments of a conversation."""
SPEAKERS = 100
PROBE_INTERVAL_S = 0.01

FILL = """
CREATE FUNCTION random_vector(n integer) RETURNS vector VOLATILE LANGUAGE sql
AS 'SELECT array_agg(random())::vector FROM generate_series(1, n)';
CREATE TABLE vectors AS SELECT k, random_vector(256) AS voice, random_vector(1024) AS emotion FROM generate_series(0, 99) k;
INSERT INTO speakers (name) SELECT 'Speaker ' || i FROM generate_series(1, :speakers) i;
INSERT INTO conversations (title, start_time, end_time, duration, status, audio_format)
SELECT 'Talk ' || i, now(), now(), 600, 'completed', 'flac' FROM generate_series(1, :talks) i;
INSERT INTO participants (conversation_id, label, speaker_id, vector, model)
SELECT c.id, 'SPEAKER_0' || k, 1 + (2 * c.id + k) % :speakers, random_vector(256), 'test'
FROM conversations c, generate_series(0, 1) k;
INSERT INTO segments (
    conversation_id, participant_id, position, start_offset, end_offset, text, words, voice_vector, voice_model,
    emotion_vector, emotion_model, emotion_category, emotion_confidence, emotion_scores
)
SELECT p.conversation_id, p.id, 2 * i + (p.label = 'SPEAKER_01')::int, 6 * i, 6 * i + 5,
    'This is sentence ' || i || ' of about fifteen words as people speak them in a conversation about nothing.',
    (SELECT jsonb_agg(jsonb_build_object('word', ' word', 'start', j, 'end', j + 0.3, 'probability', 0.9))
     FROM generate_series(1, 15) j),
    v.voice, 'test', v.emotion, 'test', 'sad', 0.5, '{"sad": 0.5}'
FROM participants p, generate_series(0, :half) i JOIN vectors v ON v.k = i % 100;
"""


async def fill(database: Database, segments: int) -> None:
    values = {"speakers": SPEAKERS, "talks": segments // EACH, "half": EACH // 2 - 1}
    for statement in FILL.split(";\n"):
        if statement.strip():
            async with database.session() as session:
                names = {name: value for name, value in values.items() if f":{name}" in statement}
                await session.execute(text(statement), names)


@asynccontextmanager
async def probing(database: Database) -> AsyncIterator[list[float]]:
    """Read one segment again and again; yields the seconds that each read takes."""
    waits: list[float] = []

    async def probe() -> None:
        while True:
            start = time.monotonic()
            async with database.session() as session:
                await session.scalar(select(SegmentRow.text).limit(1))
            waits.append(time.monotonic() - start)
            await asyncio.sleep(PROBE_INTERVAL_S)

    task = asyncio.create_task(probe())
    try:
        yield waits
    finally:
        task.cancel()


async def measure(database: Database, work: Callable[[], Awaitable[object]]) -> tuple[str, str]:
    """The seconds that `work` takes, and the longest that a read waited meanwhile."""
    async with probing(database) as waits:
        start = time.monotonic()
        await work()
        seconds = time.monotonic() - start
        await asyncio.sleep(10 * PROBE_INTERVAL_S)
    return f"{seconds:.1f}", f"{max(waits):.1f}"


async def compare(url: str, segments: int) -> list[tuple[str, ...]]:
    await migrate(url)
    database = Database(url)
    await fill(database, segments)
    async with database.session() as session:
        await backups.create(session, Running(Settings(speaker_threshold=0.5), "test"), "kept", None)

    async def conversation() -> None:
        async with database.session() as session:
            await conversations.remove(session, [segments // EACH // 2], active=True)
            await pending.add_space(session)

    async def speaker() -> None:
        async with database.session() as session:
            await speakers.remove(session, 5)
            await pending.add_space(session)

    rows: list[tuple[str, ...]] = [("rows of a conversation", *await measure(database, conversation))]
    rows += [("rows of a speaker", *await measure(database, speaker))]
    rows += [("bytes in the database's files", *await measure(database, lambda: space.remove(database)))]
    await database.dispose()
    return rows


def main(segments: Annotated[int, typer.Option(help="Stored segments.")] = 100_000) -> None:
    with open_directory() as directory, EmbeddedPostgres(directory / "postgres") as url:
        rows = asyncio.run(compare(url, segments))
    print(table(["removal", "seconds", "longest wait of a read"], rows))


if __name__ == "__main__":
    run(main)
