"""How often search finds what is meant: words, meaning, and both, in the ranking that the application has.

    python -m benchmarks.accuracy.retrieval

Prints the share of queries with the wanted sentence among the first five (and the first), with 95 % intervals (Wilson).
"""

import asyncio
import math
import time
from collections import defaultdict
from pathlib import Path

from benchmarks.accuracy.retrieval.material import Query, queries, sentences
from benchmarks.harness.application import open_directory
from benchmarks.harness.command import DATA, Data, run
from engines.in_process import LocalTextEmbedder, load_text_embedder
from pipeline.access import LOCAL
from services.search import transcript_search
from services.search.transcript_search import Mode, TranscriptSearch
from settings import Settings
from storage.conversations import conversations
from storage.postgres.database import Database, migrate
from storage.postgres.embedded import EmbeddedPostgres
from storage.search import pending_vectors, vector_index
from storage.tables import ParticipantRow, SegmentRow

FIRST = 5
MODES: tuple[Mode, ...] = ("words", "meaning", "auto")


async def fill(database: Database, embedder: LocalTextEmbedder, data: Path) -> dict[int, str]:
    """Store and embed the sentences; the name of each segment."""
    archive = sentences(data)
    async with database.session() as session:
        conversation = await conversations.create(session, "Sentences", None, "flac")
        participant = ParticipantRow(conversation_id=conversation, label="SPEAKER_00", speech_seconds=1.0)
        session.add(participant)
        await session.flush()
        place = {"conversation_id": conversation, "participant_id": participant.id}
        rows = [
            SegmentRow(**place, position=i, start_offset=i, end_offset=i + 1, text=sentence.text)
            for i, sentence in enumerate(archive)
        ]
        session.add_all(rows)
        await session.flush()
        names = {row.id: sentence.id for row, sentence in zip(rows, archive, strict=True)}
    began, embedded = time.process_time(), 0
    while True:
        async with database.session() as session:
            claimed = await pending_vectors.claim(session, 32)
        if not claimed:
            break
        found = await embedder.embed_passages([item.text for item in claimed])
        async with database.session() as session:
            await vector_index.ensure(session, found.model, found.vectors.shape[1])
            embedded += await pending_vectors.store(session, claimed, found)
    seconds = time.process_time() - began
    print(f"{embedded} sentences embedded: {1000 * seconds / embedded:.1f} CPU-s for 1000", flush=True)
    return names


async def ranks(database: Database, embedder: LocalTextEmbedder, names: dict[int, str], query: Query, mode: Mode) -> int:
    """The place of the wanted sentence, from 0; 99 where it is not found."""
    search = TranscriptSearch(database, embedder)
    found = await search.search(LOCAL, transcript_search.Query(query.text, mode=mode, limit=FIRST))
    order = [names[hit.id] for hit in found.hits]
    return order.index(query.wanted) if query.wanted in order else 99


def wilson(hits: int, count: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson, 1927)."""
    z, share = 1.96, hits / count
    centre = share + z * z / (2 * count)
    width = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return max(0.0, (centre - width) / (1 + z * z / count)), min(1.0, (centre + width) / (1 + z * z / count))


async def measure(url: str, data: Path) -> None:
    embedder = load_text_embedder(Settings())
    await migrate(url)
    database = Database(url)
    names = await fill(database, embedder, data)
    print(f"{'':22}{'queries':>8}" + "".join(f"{f'{mode} @1':>12}{f'{mode} @{FIRST}':>24}" for mode in MODES))
    groups: dict[str, list[Query]] = defaultdict(list)
    for query in queries(data):
        groups[query.kind if query.kind == "phrase" else f"{query.kind}, {query.language}"].append(query)
    groups["all paraphrases"] = [query for query in queries(data) if query.kind == "paraphrase"]
    for name, asked in groups.items():
        cells = ""
        for mode in MODES:
            places = [await ranks(database, embedder, names, query, mode) for query in asked]
            low, high = wilson(sum(place < FIRST for place in places), len(places))
            share = sum(place < FIRST for place in places) / len(places)
            cells += f"{sum(place == 0 for place in places) / len(places):12.2f}{share:11.2f} ({low:.2f} to {high:.2f})"
        print(f"{name:22}{len(asked):8}{cells}", flush=True)
    await database.dispose()


def main(data: Data = DATA) -> None:
    with open_directory() as directory, EmbeddedPostgres(directory / "postgres") as server:
        asyncio.run(measure(server, data))


if __name__ == "__main__":
    run(main)
