"""Compare the matrix of references in memory with HNSW indexes of pgvector.

    python -m benchmarks.performance.reference_index [--spread isotropic]

There are 100,000 references of 256 dimensions from 20,000 speakers: a fifth in `voiceprints`, the rest in `participants`. Ten
speakers have 1,000 references each. Every query is answered by the matrix and by each setting of the index in turn, each time
in a transaction of its own, timed from its beginning to its commit. The index finds candidates. Their similarity is then
computed exactly from the stored float32 vectors.

Match: one voice, as in `references.neighbours`. Near the threshold, the closest reference is within 0.05 of it; other queries
are new recordings, half of known speakers, half of strangers. An answer agrees where the speaker, or that there is none, is the
same as with the matrix.

Segments: 50 voices, as in `segment_reassignment`, which needs every speaker closer than the threshold minus 0.10. A tenth of
the voices are of the ten frequent speakers. An answer agrees where the set of speakers is the same. A query requests 100
candidates from the index, and ten times as many as long as the last one is still close enough.

Layouts: indexes on the two tables as they are, and one index on a table that holds all vectors and nothing else, so that a
participant who is given to another speaker is not indexed again.

`--spread` is a distribution of `benchmarks.performance.synthetic_voices`.
"""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any

import numpy as np
import typer
from sqlalchemy import Integer, text
from sqlalchemy.ext.asyncio import AsyncSession

from benchmarks.harness.application import open_directory
from benchmarks.harness.command import run
from benchmarks.performance.synthetic_voices import DIMENSION, SPREADS, Spread, Vectors, Voices
from pipeline.identity.matching import REASSIGN_MARGIN, closest, neighbours, similarity_matrix, units
from pipeline.identity.thresholds import THRESHOLDS
from storage.postgres.database import Database, migrate
from storage.postgres.embedded import EmbeddedPostgres
from storage.postgres.vectors import Embedding
from storage.speakers import references
from vivavoce.printing import table

SPEAKERS, REFERENCES = 20_000, 100_000
FREQUENT, EACH = 10, 1_000
"""Speakers with many references, and the number of references of each."""
MODEL = "wespeaker-resnet34"
THRESHOLD = THRESHOLDS[MODEL]
MARGIN = 0.05
"""A query is near the threshold where its closest reference is within this of it."""
REASSIGNED = 2_000
"""Participants who are given to another speaker in one statement, as when an unknown voice is identified."""
SEARCHES = (200, 400, 800)
"""`hnsw.ef_search`: the candidates that a search keeps. 1000 is the most that pgvector takes."""
CANDIDATES = 20
"""Candidates from each index that are compared exactly for a match."""
SEGMENTS, BATCHES = 50, 6
"""Voices that are compared in one transaction, and how many such transactions."""

MADE_BY = f"model = '{MODEL}' AND vector_dims(vector) = {DIMENSION}"
IN_PLACE = {"voiceprints": MADE_BY, "participants": f"{MADE_BY} AND enrolled AND speaker_id IS NOT NULL"}
"""Tables and the predicates of their partial indexes. Only rows that the predicate holds for are cast to the dimension."""
OWN_TABLE = {"reference_vectors": MADE_BY}


@dataclass(frozen=True, slots=True)
class Index:
    tables: Mapping[str, str]
    kind: str
    """`vector` (float32) or `halfvec` (float16)."""
    m: int
    ef_construction: int

    @property
    def name(self) -> str:
        layout = "one table" if self.tables is OWN_TABLE else "in place"
        return f"{layout}, {self.kind}, m={self.m}, ef_construction={self.ef_construction}"

    def create(self) -> list[str]:
        return [
            f"CREATE INDEX probe_{name} ON {name} USING hnsw ((vector::{self.kind}({DIMENSION})) {self.kind}_cosine_ops) "
            f"WITH (m = {self.m}, ef_construction = {self.ef_construction}) WHERE {condition}"
            for name, condition in self.tables.items()
        ]

    def query(self, limit: int) -> str:
        probe = f"CAST(:vector AS vector)::{self.kind}({DIMENSION})"
        own = self.tables is OWN_TABLE
        nearest = " UNION ALL ".join(
            f"(SELECT {'voiceprint_id, participant_id' if own else 'speaker_id'}, vector FROM {name} WHERE {condition} "
            f"ORDER BY vector::{self.kind}({DIMENSION}) <=> {probe} LIMIT {limit})"
            for name, condition in self.tables.items()
        )
        if not own:
            return nearest
        return f"""SELECT coalesce(v.speaker_id, p.speaker_id) AS speaker_id, near.vector FROM ({nearest}) near
            LEFT JOIN voiceprints v ON v.id = near.voiceprint_id LEFT JOIN participants p ON p.id = near.participant_id
            WHERE v.id IS NOT NULL OR (p.enrolled AND p.speaker_id IS NOT NULL)"""


INDEXES = (
    Index(IN_PLACE, "halfvec", 16, 64),
    Index(OWN_TABLE, "halfvec", 16, 64),
    Index(OWN_TABLE, "halfvec", 32, 200),
)

FILL = (
    f"INSERT INTO speakers (name) SELECT 'Speaker ' || i FROM generate_series(1, {SPEAKERS}) i",
    (
        "INSERT INTO conversations (title, start_time, status, audio_format) "
        f"SELECT 'Talk ' || i, now() - i * interval '1 hour', 'completed', 'flac' FROM generate_series(1, {REFERENCES // 2}) i"
    ),
)
COPY = (
    """CREATE TABLE reference_vectors (id int PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    voiceprint_id int UNIQUE REFERENCES voiceprints ON DELETE CASCADE,
    participant_id int UNIQUE REFERENCES participants ON DELETE CASCADE, model text NOT NULL, vector vector NOT NULL)""",
    "INSERT INTO reference_vectors (voiceprint_id, model, vector) SELECT id, model, vector FROM voiceprints",
    "INSERT INTO reference_vectors (participant_id, model, vector) SELECT id, model, vector FROM participants",
)


@dataclass(frozen=True, slots=True)
class Queries:
    near: Vectors
    ordinary: Vectors
    segments: Vectors


async def fill(database: Database, spread: Spread, count: int) -> Queries:
    """Speakers, conversations and references; returns `count` queries near the threshold, a quarter as many ordinary ones."""
    voices = Voices(spread, seed=1)
    people = voices.speakers(SPEAKERS)
    owners = np.concatenate([np.repeat(np.arange(FREQUENT), EACH), np.arange(REFERENCES - FREQUENT * EACH) % SPEAKERS])
    owners = owners[np.random.default_rng(2).permutation(len(owners))]
    vectors = voices.recordings(people[owners], 0.5, 0.85)
    rows = [(1 + int(owner), vector, MODEL) for owner, vector in zip(owners, vectors, strict=True)]
    enrolled, heard = rows[: REFERENCES // 5], rows[REFERENCES // 5 :]
    await execute(database, *FILL)
    async with database.engine.connect() as connection:
        raw: Any = (await connection.get_raw_connection()).driver_connection
        columns = ["speaker_id", "vector", "model", "source"]
        await raw.copy_records_to_table("voiceprints", records=[(*row, "enrolled") for row in enrolled], columns=columns)
        columns = ["conversation_id", "label", "speaker_id", "vector", "model"]
        participants = [(1 + at // 2, f"SPEAKER_0{at % 2}", *row) for at, row in enumerate(heard)]
        await raw.copy_records_to_table("participants", records=participants, columns=columns)
    await execute(database, *COPY)
    async with database.engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(text("VACUUM ANALYZE"))
    known = voices.recordings(voices.pick(people, count // 8), 0.5, 0.85)
    strangers = voices.recordings(voices.speakers(count // 8), 0.5, 0.85)
    others = SEGMENTS * BATCHES * 9 // 10
    spoken = np.concatenate([voices.pick(people[:FREQUENT], SEGMENTS * BATCHES - others), voices.pick(people, others)])
    segments = voices.recordings(spoken, 0.3, 0.7)[np.random.default_rng(4).permutation(len(spoken))]
    return Queries(near_threshold(voices, people, vectors, count), np.concatenate([known, strangers]), segments)


def near_threshold(voices: Voices, people: Vectors, vectors: Vectors, count: int) -> Vectors:
    """Poor recordings of known speakers: the closest of all references is within MARGIN of the threshold."""
    found: list[Vectors] = []
    columns = vectors.T.copy()
    while sum(map(len, found)) < count:
        drawn = voices.recordings(voices.pick(people, 500), 0.1, 0.6)
        best = similarity_matrix(drawn, columns).max(axis=1)
        found.append(drawn[np.abs(best - THRESHOLD) <= MARGIN])
    return np.concatenate(found)[:count]


async def execute(database: Database, *statements: str) -> None:
    async with database.session() as session:
        for statement in statements:
            await session.execute(text(statement))


Nearby = list[dict[int, float]]
Search = Callable[[AsyncSession, Vectors], Awaitable[Nearby]]


@dataclass(slots=True)
class Answers:
    speakers: list[int | None] = field(default_factory=list)
    """Of each voice, the matched speaker."""
    sets: list[set[int]] = field(default_factory=list)
    """Of each voice, all speakers who are close enough."""
    taken: list[float] = field(default_factory=list)
    """Milliseconds of each transaction."""

    def times(self) -> tuple[str, ...]:
        return tuple(f"{ms:.1f}" for ms in (statistics.median(self.taken), np.quantile(self.taken, 0.95), min(self.taken)))


def agreement(found: Sequence[object], wanted: Sequence[object]) -> str:
    return f"{100 * np.mean([one == other for one, other in zip(found, wanted, strict=True)]):.2f}"


def by_matrix(floor: float) -> Search:
    return lambda session, vectors: references.neighbours(session, vectors, MODEL, floor)


def by_index(index: Index, search: int, floor: float, limits: Sequence[int]) -> Search:
    """Requests as many candidates as the first of `limits`; the next number while the last candidate is close enough."""
    statements = [text(index.query(limit)).columns(speaker_id=Integer, vector=Embedding) for limit in limits]
    # Where more candidates are needed than a search keeps, it continues where it stopped.
    settings = (
        f"SELECT set_config('hnsw.ef_search', '{search}', true), set_config('hnsw.iterative_scan', 'relaxed_order', true)"
    )

    async def one(session: AsyncSession, vector: Vectors) -> dict[int, float]:
        near: dict[int, float] = {}
        for statement in statements:
            rows = (await session.execute(statement, {"vector": vector})).all()
            ids = np.array([row[0] for row in rows], np.int64)
            columns = units(np.stack([row[1] for row in rows]))[0].T
            similarities = similarity_matrix(vector[None], columns)
            (near,) = neighbours(similarities, ids, floor)
            if all(part.min() <= floor for part in np.array_split(similarities[0], len(index.tables))):
                break
        return near

    async def look(session: AsyncSession, vectors: Vectors) -> Nearby:
        await session.execute(text(settings))
        return [await one(session, vector) for vector in vectors]

    return look


async def answer(database: Database, queries: Vectors, size: int, searches: Mapping[str, Search]) -> dict[str, Answers]:
    """Every search answers every `size` queries, one after the other, so that all of them meet the same load of the machine."""
    answers = {name: Answers() for name in searches}
    for start in range(0, len(queries), size):
        for name, search in searches.items():
            began = time.perf_counter()
            async with database.session() as session:
                found = await search(session, queries[start : start + size])
            answers[name].taken.append(1000 * (time.perf_counter() - began))
            for near in found:
                match = closest(near)
                answers[name].speakers.append(None if match is None else match.speaker_id)
                answers[name].sets.append(set(near))
    return answers


async def compare(database: Database, queries: Queries, index: Index) -> list[tuple[str, ...]]:
    def searches(floor: float, limits: Sequence[int]) -> dict[str, Search]:
        return {"matrix": by_matrix(floor)} | {str(ef): by_index(index, ef, floor, limits) for ef in SEARCHES}

    match = searches(THRESHOLD, [CANDIDATES])
    near, ordinary = [await answer(database, voices, 1, match) for voices in (queries.near, queries.ordinary)]
    segments = await answer(database, queries.segments, SEGMENTS, searches(THRESHOLD - REASSIGN_MARGIN, [100, 1000, 10_000]))
    rows = []
    for name in match:
        agree = [agreement(of[name].speakers, of["matrix"].speakers) for of in (near, ordinary)]
        cells = *near[name].times(), agree[0], *ordinary[name].times(), agree[1], *segments[name].times()
        rows.append((index.name, name, *cells, agreement(segments[name].sets, segments["matrix"].sets)))
    return rows


async def build(database: Database, index: Index) -> tuple[str, str]:
    """Seconds to build it with one process, MB."""
    began = time.perf_counter()
    # Memory for the whole graph: without it pgvector goes on to build on disk, many times as slow.
    settings = "SET LOCAL maintenance_work_mem = '2GB'", "SET LOCAL max_parallel_maintenance_workers = 0"
    await execute(database, *settings, *index.create())
    taken = time.perf_counter() - began
    async with database.session() as session:
        sizes = [await session.scalar(text(f"SELECT pg_relation_size('probe_{name}')")) for name in index.tables]
        probe = {"vector": np.ones(DIMENSION, np.float32)}
        plan = "\n".join(await session.scalars(text("EXPLAIN " + index.query(CANDIDATES)), probe))
        assert all(f"probe_{name}" in plan for name in index.tables), plan
    return f"{taken:.0f}", f"{sum(filter(None, sizes)) / 1e6:.0f}"


async def write_cost(database: Database, voices: Voices, tables: Mapping[str, str]) -> tuple[str, str]:
    """Milliseconds to add one reference, and to give REASSIGNED participants to another speaker; both are rolled back."""
    insert = "INSERT INTO voiceprints (speaker_id, vector, model, source) VALUES (1, :vector, :model, 'enrolled') RETURNING id"
    if tables is OWN_TABLE:
        insert = f"WITH added AS ({insert}) INSERT INTO reference_vectors (voiceprint_id, model, vector) "
        insert += "SELECT id, :model, :vector FROM added"
    taken = []
    async with rolled_back(database) as session:
        for vector in voices.recordings(voices.speakers(200), 0.5, 0.85):
            began = time.perf_counter()
            await session.execute(text(insert), {"vector": vector, "model": MODEL})
            taken.append(1000 * (time.perf_counter() - began))
    async with rolled_back(database) as session:
        began = time.perf_counter()
        await session.execute(text("UPDATE participants SET speaker_id = 1 WHERE id <= :last"), {"last": REASSIGNED})
        changed = 1000 * (time.perf_counter() - began)
    return f"{statistics.median(taken):.2f}", f"{changed:.0f}"


@asynccontextmanager
async def rolled_back(database: Database) -> AsyncIterator[AsyncSession]:
    async with AsyncSession(database.engine) as session:
        yield session
        await session.rollback()


async def measure(url: str, spread: Spread, count: int) -> None:
    await migrate(url)
    database = Database(url)
    queries = await fill(database, spread, count)
    voices = Voices(spread, seed=3)
    await answer(database, queries.near[:3], 1, {"matrix": by_matrix(THRESHOLD)})  # the first use reads all
    rows: list[tuple[str, ...]] = []
    costs = [("none", "", "", *await write_cost(database, voices, IN_PLACE))]
    for index in INDEXES:
        built = await build(database, index)
        rows += await compare(database, queries, index)
        costs.append((index.name, *built, *await write_cost(database, voices, index.tables)))
        await execute(database, *(f"DROP INDEX probe_{name}" for name in index.tables))
        print(*costs[-1], *rows[-len(SEARCHES) - 1 :], sep="\n", flush=True)
    columns = "median", "95 %", "fastest", "same %"
    print(table(("match near the threshold, ordinary; segments: ms", "ef_search", *columns, *columns, *columns), rows))
    print(table(("index", "build s", "MB", "insert ms", f"reassign {REASSIGNED:,}, ms"), costs), flush=True)
    await database.dispose()


def main(spread: str = "voices", queries: Annotated[int, typer.Option(help="near the threshold")] = 2000) -> None:
    with open_directory() as directory, EmbeddedPostgres(directory / "postgres") as server:
        asyncio.run(measure(server, SPREADS[spread], queries))


if __name__ == "__main__":
    run(main)
