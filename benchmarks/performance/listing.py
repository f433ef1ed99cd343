"""Latency of the list of conversations with its filters, over REST, with an archive that is generated in PostgreSQL.

    python -m benchmarks.performance.listing --segments 200000

The archive is that of `benchmarks.performance.search`, with a hundred segments in each conversation, and tags.
"""

import asyncio
import statistics
import tempfile
import time
from pathlib import Path

import httpx
from sqlalchemy import text

from api.app import create_app
from benchmarks.harness.application import open_directory
from benchmarks.harness.command import run
from benchmarks.performance.search import fill
from settings import Settings
from storage.postgres.database import Database, migrate
from storage.postgres.embedded import EmbeddedPostgres
from tests.support.application import API, _no_lifespan, connected, no_stages
from vivavoce.printing import table

TAGS = """
INSERT INTO conversation_tags (conversation_id, name)
    SELECT id, 'Tag ' || n FROM conversations, generate_series(1, 50) n WHERE (id * 31 + n * n) % 17 = 0
"""
LISTS = {
    "the first page of 100": "",
    "1,000 at once": "limit=1000",
    "the last page": "skip={last}",
    "50": "limit=50",
    "50, with participants": "limit=50&include=participants",
    "50, with participants and timelines": "limit=50&include=participants&include=timeline",
    "1,000, with participants": "limit=1000&include=participants",
    "200, with participants and timelines": "limit=200&include=participants&include=timeline",
    "a rare word": "limit=50&q=word12345",
    "a word": "limit=50&q=word500",
    "a word of every line": "limit=50&q=word1",
    "a phrase": "limit=50&q=%22word3 word7%22",
    "a phrase of every line": "limit=50&q=%22word1 word1%22",
    "a word of titles alone": "limit=50&q=talk 123",
    "a tag": "limit=50&tag=tag 7",
    "two tags": "limit=50&tag=tag 7&tag=tag 24",
    "a speaker": "limit=50&speaker=Speaker 3",
    "two speakers": "limit=50&speaker=3&speaker=5",
    "a rare speaker": "limit=50&speaker=190",
    "a frequent emotion": "limit=50&emotion=neutral",
    "a rare emotion": "limit=50&emotion=sad",
    "an emotion of none": "limit=50&emotion=fearful",
    "a tag, a speaker, a word": "limit=50&tag=tag 7&speaker=3&q=word50",
}


async def measure(client: httpx.AsyncClient, talks: int, rounds: int) -> list[list[str]]:
    rows = []
    for name, query in {**{name: f"conversations?{query}" for name, query in LISTS.items()}, "the tags": "tags"}.items():
        times = []
        for _ in range(rounds):
            began = time.perf_counter()
            answer = await client.get(f"/{query.format(last=talks - 100)}")
            times.append(1000 * (time.perf_counter() - began))
        found = answer.raise_for_status().json()
        total = found["total"] if isinstance(found, dict) else len(found)
        size = f"{len(answer.content) / 1000:.0f}"
        rows.append([name, f"{statistics.median(times):.0f}", f"{max(times):.0f}", f"{total}", size])
    return rows


async def measure_all(url: str, segments: int, rounds: int, directory: Path) -> None:
    await migrate(url)
    database = Database(url)
    await fill(database, segments)
    async with database.session() as session:
        await session.execute(text(TAGS))
    async with database.engine.connect() as connection:
        await (await connection.execution_options(isolation_level="AUTOCOMMIT")).execute(text("ANALYZE"))
        talks = (await connection.execute(text("SELECT count(*) FROM conversations"))).scalar_one()
    async with connected(Settings(), url, directory, no_stages(), "model") as context:
        app = create_app(context.settings, _no_lifespan)
        app.state.context = context
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=API, timeout=600) as client:
            rows = await measure(client, talks, rounds)
    print(table(["list", "median, ms", "most", "total", "kB"], rows))
    await database.dispose()


def main(segments: int = 200_000, rounds: int = 10) -> None:
    with (
        open_directory() as directory,
        EmbeddedPostgres(directory / "postgres") as server,
        tempfile.TemporaryDirectory() as recordings,
    ):
        asyncio.run(measure_all(server, segments, rounds, Path(recordings)))


if __name__ == "__main__":
    run(main)
