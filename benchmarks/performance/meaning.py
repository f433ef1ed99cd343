"""Latency, recall and size of search by meaning in a large archive.

    python -m benchmarks.performance.meaning --segments 1000000

The segments are those of `benchmarks.performance.search`. Their vectors are made of real ones: the vectors of the sentences of
`benchmarks/accuracy/retrieval`, embedded with the default model, each mixed with another of them and turned in a direction that
is drawn from the covariance of all: real vectors differ in few directions, and an index finds less where they differ in all.
Queries are those of that benchmark. The index is built after the vectors are stored, with `maintenance_work_mem` for the whole
graph.
"""

import asyncio
import random
import statistics
import time
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, literal, select, text

from benchmarks.accuracy.retrieval.material import queries, sentences
from benchmarks.harness.application import open_directory
from benchmarks.harness.command import run
from benchmarks.harness.processor import Stopwatch
from benchmarks.performance.search import SPEAKERS, fill
from engines.in_process import load_text_embedder
from pipeline.access import LOCAL, Principal, Role
from pipeline.types import TextVectors
from services.search.transcript_search import Query, TranscriptSearch
from settings import Settings
from storage.postgres.database import Database, migrate
from storage.postgres.embedded import EmbeddedPostgres
from storage.postgres.vectors import HalfEmbedding
from storage.search import nearest, search, vector_index
from storage.search.search import Filters, filtered
from storage.tables import ParticipantRow, SegmentRow, SegmentVector, VoiceRow

STEP = 5_000  # vectors stored in a transaction
RECALLED = 10
CANDIDATES = [40, 100, 200, 400, 500, 600, 800, 1000]
TURN = 0.4
"""Length of that direction beside a vector of length 1: a cosine of 0.93 to it. The intrinsic dimension, which decides how hard
the search is, is then above that of real sentences (docs/measurements.md)."""

Floats = NDArray[np.float32]


class Known:
    """The stage, with the vectors of the queries computed before: what is measured is the database."""

    def __init__(self, vectors: dict[str, TextVectors]) -> None:
        self._vectors = vectors

    async def embed_query(self, text: str) -> TextVectors:
        return self._vectors[text]

    async def embed_passages(self, texts: Any) -> TextVectors:
        raise NotImplementedError


def mixed(real: Floats, count: int, draw: np.random.Generator) -> Floats:
    first, second = (real[draw.integers(len(real), size=count)] for _ in range(2))
    share = draw.uniform(0.5, 1, size=(count, 1)).astype(np.float32)
    turned = draw.normal(size=(count, len(real))).astype(np.float32) @ (real - real.mean(axis=0))
    turned *= TURN / np.linalg.norm(turned, axis=1, keepdims=True)
    made = share * first + (1 - share) * second + turned
    return np.asarray(made / np.linalg.norm(made, axis=1, keepdims=True), np.float32)


async def store(database: Database, real: Floats, model: str) -> None:
    draw = np.random.default_rng(1)
    async with database.session() as session:
        await session.execute(text("DELETE FROM segments_to_embed"))
        ids = list(await session.scalars(select(SegmentRow.id).order_by(SegmentRow.id)))
    async with database.engine.connect() as connection:
        raw = (await connection.get_raw_connection()).driver_connection
        assert raw is not None
        for start in range(0, len(ids), STEP):
            some = ids[start : start + STEP]
            rows = [(id_, model, vector) for id_, vector in zip(some, mixed(real, len(some), draw), strict=True)]
            await raw.copy_records_to_table("segment_vectors", records=rows, columns=["segment_id", "model", "vector"])


async def build(database: Database, model: str, dimension: int) -> float:
    began = time.perf_counter()
    async with database.session() as session:
        await session.execute(text("SET LOCAL maintenance_work_mem = '3GB'"))
        await session.execute(text("SET LOCAL max_parallel_maintenance_workers = 1"))
        await vector_index.ensure(session, model, dimension)
    seconds = time.perf_counter() - began
    async with database.engine.connect() as connection:
        await (await connection.execution_options(isolation_level="AUTOCOMMIT")).execute(text("VACUUM ANALYZE segment_vectors"))
    return seconds


async def exact(database: Database, vectors: list[TextVectors], filters: Filters, limit: int) -> list[set[int]]:
    """The nearest of each query, all compared."""
    passing = () if filters == Filters() else (SegmentVector.segment_id.in_(filtered(LOCAL, filters, dated=False)),)
    found = []
    async with database.session() as session:
        for vector in vectors:
            # Not the expression of the index, which therefore is not read.
            distance = SegmentVector.vector.op("<=>")(literal(vector.vectors[0], HalfEmbedding()))
            chosen = select(SegmentVector.segment_id).where(*passing)
            found.append(set(await session.scalars(chosen.order_by(distance).limit(limit))))
    return found


async def recall(
    database: Database, vectors: list[TextVectors], filters: Filters, limit: int, all_candidates: list[int]
) -> None:
    """Print the share of the nearest that the index finds, and PostgreSQL's processor time, for each number of candidates."""
    watch, wanted = await Stopwatch.of(database), await exact(database, vectors, filters, limit)
    for candidates in all_candidates:
        shares, times = [], []
        with patch.multiple(nearest, EXACT_ROWS=(-1, -1), EF_SEARCH=candidates, EF_SEARCH_OF_PART=candidates):
            for vector, near in zip(vectors, wanted, strict=True):
                watch.start()
                async with database.session() as session, search.in_time(session):
                    found = await nearest.nearest(session, LOCAL, vector, filters, limit)
                times.append(watch.stop().postgres)
                shares.append(len({one.segment_id for one in found} & near) / len(near))
        took = f"{statistics.median(times):.1f} ms, 95th percentile {_p95(times):.1f} ms"
        print(f"{candidates:4} candidates: recall@{limit} {statistics.mean(shares):.3f}, {took}", flush=True)


async def recall_of_speakers(database: Database, vectors: list[TextVectors]) -> None:
    """The same of the segments of one speaker, for speakers with many and with few segments."""
    number = func.count().label("number")
    counted = select(VoiceRow.speaker_id, number).join(ParticipantRow, ParticipantRow.voice_id == VoiceRow.id)
    counted = counted.join(SegmentRow, SegmentRow.participant_id == ParticipantRow.id).group_by(VoiceRow.speaker_id)
    async with database.session() as session:
        rows = (await session.execute(counted.order_by(number.desc()))).all()
    for speaker_id, segments in [*rows[:1], *rows[1:32:4]]:
        print(f"a speaker with {segments} segments", flush=True)
        await recall(database, vectors, Filters(speaker_id=speaker_id), nearest.NEIGHBOURS, [nearest.EF_SEARCH_OF_PART])


def kinds(draw: random.Random) -> dict[str, tuple[Principal, Any]]:
    def speaker() -> Filters:
        return Filters(speaker_id=1 + int(draw.random() ** 3 * SPEAKERS))

    reader = Principal("a reader", Role.READER, person_id=1)
    return {
        "everything": (LOCAL, Filters),
        "a speaker": (LOCAL, speaker),
        "an emotion": (LOCAL, lambda: Filters(emotion=draw.choice(["neutral", "happy", "angry", "sad"]))),
        "a speaker's emotion": (LOCAL, lambda: replace(speaker(), emotion="sad")),
        "a conversation": (LOCAL, lambda: Filters(conversation_id=draw.randint(1, 1000))),
        "what a reader may see": (reader, Filters),
    }


async def measure(database: Database, known: Known, texts: list[str], rounds: int) -> None:
    watch, searches = await Stopwatch.of(database), TranscriptSearch(database, known)
    print(f"{'':34}{'median':>9}{'p95':>9}{'processor':>11}{'p95':>9}{'PostgreSQL':>18}{'hits':>9}   (ms)")
    for mode in ("meaning", "auto"):
        draw = random.Random(1)
        for name, (viewer, filters) in kinds(draw).items():
            times, hits = [], []
            for _ in range(rounds):
                query = Query(draw.choice(texts), filters(), mode=mode, interpret=False)
                watch.start()
                found = await searches.search(viewer, query)
                times.append(watch.stop())
                hits.append(found.total)
            passed, processor = [one.passed for one in times], [one.processor for one in times]
            print(
                f"{f'{mode}: {name}':34}{statistics.median(passed):9.1f}{_p95(passed):9.1f}"
                f"{statistics.median(processor):11.1f}{_p95(processor):9.1f}"
                f"{statistics.median(one.postgres for one in times):18.1f}{statistics.median(hits):9.0f}",
                flush=True,
            )


def _p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20)[-1]


async def measure_all(url: str, segments: int, rounds: int, recalls: int) -> None:
    embedder = load_text_embedder(Settings())
    said = [sentence.text for sentence in sentences()]
    began = time.process_time()
    passages = [await embedder.embed_passages(said[start : start + 32]) for start in range(0, len(said), 32)]
    print(f"{len(said)} sentences embedded in {time.process_time() - began:.1f} CPU-s", flush=True)
    real, model = np.concatenate([found.vectors for found in passages]), passages[0].model
    texts = [query.text for query in queries()]
    known = {query: await embedder.embed_query(query) for query in texts}
    await migrate(url)
    database = Database(url)
    began = time.perf_counter()
    await fill(database, segments)
    await store(database, real, model)
    print(f"{segments} segments with vectors in {time.perf_counter() - began:.0f} s", flush=True)
    print(f"index built in {await build(database, model, real.shape[1]):.0f} s", flush=True)
    async with database.session() as session:
        sizes = await session.execute(
            text("SELECT pg_table_size('segment_vectors') / 1e6, pg_indexes_size('segment_vectors') / 1e6")
        )
        table, indexes = sizes.one()
    print(f"table {table:.0f} MB, its indexes {indexes:.0f} MB", flush=True)
    sample = random.Random(2).sample(sorted(known), min(recalls, len(known)))
    vectors = [known[query] for query in sample]
    await recall(database, vectors, Filters(), RECALLED, CANDIDATES)
    await recall_of_speakers(database, vectors)
    await measure(database, Known(known), texts, rounds)
    await database.dispose()


def main(segments: int = 1_000_000, rounds: int = 40, recalls: int = 50) -> None:
    with open_directory() as directory, EmbeddedPostgres(directory / "postgres") as server:
        asyncio.run(measure_all(server, segments, rounds, recalls))


if __name__ == "__main__":
    run(main)
