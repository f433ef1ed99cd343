"""Speaker matching: the matrix in memory against an HNSW index of pgvector: `python -m benchmarks.performance.reference_index`.

100,000 references of 256 dimensions from 20,000 speakers, a fifth of them in `voiceprints`, the rest in `participants`; ten
speakers have 1,000 references each. The queries are "near the threshold" (the closest reference is within 0.05 of it) and
"ordinary" (half are new recordings of somebody known, half are strangers). Every query is answered by the matrix and by each
setting of the index in turn, each time in a transaction of its own, timed from its beginning to its commit. The index finds
candidates; their similarity is then computed exactly from the stored float32 vectors. A match agrees where the speaker, or the
absence of one, is the same as with the matrix.

Indexes are measured in two layouts: on the two tables as they are, and on one table that holds all vectors and nothing else,
so that a participant who is given to another speaker is not indexed again.

Two distributions are measured. In "voices", the spread is that of wespeaker-resnet34 on 590 recordings of 75 people
(LibriSpeech, AMI, RAVDESS, EmoDB): strangers have a similarity of 0.10 +- 0.115, which is an effective dimension of 60;
recordings of one person have 0.6 (acted emotions, 2 s) to 0.8 (read speech). In "isotropic", strangers are independent in all
256 dimensions, as in `benchmarks.scale`.
"""

import argparse
import asyncio
import shutil
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.identity import THRESHOLDS, closest, neighbours, similarity_matrix, units
from storage import references
from storage.database import Database, migrate
from storage.embedded import EmbeddedPostgres
from vivavoce.printing import table

SPEAKERS, REFERENCES, DIMENSION = 20_000, 100_000, 256
FREQUENT, EACH = 10, 1_000
"""Speakers who were heard often, and how many references each of them has."""
MODEL = "wespeaker-resnet34"
THRESHOLD = THRESHOLDS[MODEL]
MARGIN = 0.05
"""A query is near the threshold where its closest reference is within this of it."""
REASSIGNED = 2_000
"""Participants who are given to another speaker in one statement, as when an unknown voice is identified."""
SEARCHES = (40, 100, 200, 400, 1000)
"""`hnsw.ef_search`: the candidates that a search keeps. 1000 is the most that pgvector takes."""
CANDIDATES = 20
"""Candidates from each index that are compared exactly."""

Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Spread:
    """How vectors are distributed: the variance of each dimension falls exponentially."""

    name: str
    between: float
    """Dimensions in which the variance among speakers falls by e."""
    within: float
    """The same of the recordings of one speaker."""
    mean: float
    """Length of the mean of all unit vectors."""


SPREADS = (Spread("voices", 30, 44, 0.32), Spread("isotropic", 1e9, 1e9, 0.0))

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

    def query(self) -> str:
        probe = f"CAST(:vector AS vector)::{self.kind}({DIMENSION})"
        own = self.tables is OWN_TABLE
        nearest = " UNION ALL ".join(
            f"(SELECT {'voiceprint_id, participant_id' if own else 'speaker_id'}, vector FROM {name} WHERE {condition} "
            f"ORDER BY vector::{self.kind}({DIMENSION}) <=> {probe} LIMIT {CANDIDATES})"
            for name, condition in self.tables.items()
        )
        if not own:
            return nearest
        return f"""SELECT coalesce(v.speaker_id, p.speaker_id), near.vector FROM ({nearest}) near
            LEFT JOIN voiceprints v ON v.id = near.voiceprint_id LEFT JOIN participants p ON p.id = near.participant_id
            WHERE v.id IS NOT NULL OR (p.enrolled AND p.speaker_id IS NOT NULL)"""


INDEXES = (
    Index(IN_PLACE, "vector", 16, 64),
    Index(IN_PLACE, "halfvec", 16, 64),
    Index(OWN_TABLE, "halfvec", 16, 64),
    Index(OWN_TABLE, "halfvec", 32, 200),
)

FILL = (
    f"INSERT INTO speakers (name) SELECT 'Speaker ' || i FROM generate_series(1, {SPEAKERS}) i",
    "INSERT INTO conversations (title, start_time, status, audio_format) SELECT 'Talk ' || i, now() - i * interval '1 hour', "
    f"'completed', 'flac' FROM generate_series(1, {REFERENCES // 2}) i",
)
COPY = (
    """CREATE TABLE reference_vectors (id int PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    voiceprint_id int UNIQUE REFERENCES voiceprints ON DELETE CASCADE,
    participant_id int UNIQUE REFERENCES participants ON DELETE CASCADE, model text NOT NULL, vector vector NOT NULL)""",
    "INSERT INTO reference_vectors (voiceprint_id, model, vector) SELECT id, model, vector FROM voiceprints",
    "INSERT INTO reference_vectors (participant_id, model, vector) SELECT id, model, vector FROM participants",
)


class Voices:
    """Draws vectors of a spread."""

    def __init__(self, spread: Spread, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        dimensions = np.arange(DIMENSION)
        variances = [np.exp(-dimensions / fall) for fall in (spread.between, spread.within)]
        self._between, self._within = (np.sqrt(of / of.sum()).astype(np.float32) for of in variances)
        self._mean = np.zeros(DIMENSION, np.float32)
        self._mean[-1] = spread.mean
        self._share = np.float32(np.sqrt(1 - spread.mean**2))

    def speakers(self, count: int) -> Vectors:
        return self._mean + self._share * self._rng.standard_normal((count, DIMENSION), np.float32) * self._between

    def recordings(self, speakers: Vectors, low: float, high: float) -> Vectors:
        """One of each of speakers, unit vectors; two of the same speaker have a similarity between `low` and `high`, about."""
        weight = self._rng.uniform(low, high, (len(speakers), 1)).astype(np.float32)
        noise = self._rng.standard_normal(speakers.shape, np.float32) * self._within
        return units(np.sqrt(weight) * speakers + np.sqrt(1 - weight) * noise)[0]

    def pick(self, speakers: Vectors, count: int) -> Vectors:
        return np.asarray(speakers[self._rng.integers(0, len(speakers), count)], np.float32)


@dataclass(frozen=True, slots=True)
class Queries:
    near: Vectors
    ordinary: Vectors


async def fill(database: Database, spread: Spread, count: int) -> Queries:
    """Speakers, conversations and references; returns `count` ordinary queries, four times as many near the threshold."""
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
    known = voices.recordings(voices.pick(people, count // 2), 0.5, 0.85)
    strangers = voices.recordings(voices.speakers(count - count // 2), 0.5, 0.85)
    return Queries(near_threshold(voices, people, vectors, 4 * count), np.concatenate([known, strangers]))


def near_threshold(voices: Voices, people: Vectors, vectors: Vectors, count: int) -> Vectors:
    """Poor recordings of known speakers whose closest reference, of all, is within MARGIN of the threshold."""
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


@dataclass(slots=True)
class Answers:
    speakers: list[int | None] = field(default_factory=list)
    """Of each query, who was matched."""
    everybody: list[set[int]] = field(default_factory=list)
    """Of each query, all speakers above the threshold."""
    taken: list[float] = field(default_factory=list)
    """Milliseconds of each."""

    def row(self, exact: "Answers") -> tuple[str, ...]:
        times = statistics.median(self.taken), float(np.quantile(self.taken, 0.95)), min(self.taken)
        agree = same(self.speakers, exact.speakers), same(self.everybody, exact.everybody)
        return *(f"{ms:.1f}" for ms in times), *(f"{100 * share:.2f}" for share in agree)


def same(found: Sequence[object], wanted: Sequence[object]) -> float:
    return float(np.mean([one == other for one, other in zip(found, wanted, strict=True)]))


Search = Callable[[AsyncSession, Vectors], Awaitable[Mapping[int, float]]]


async def by_matrix(session: AsyncSession, vector: Vectors) -> Mapping[int, float]:
    return (await references.neighbours(session, vector, MODEL, THRESHOLD))[0]


def by_index(index: Index, search: int) -> Search:
    statement, settings = text(index.query()), {"search": str(search)}

    async def look(session: AsyncSession, vector: Vectors) -> Mapping[int, float]:
        await session.execute(text("SELECT set_config('hnsw.ef_search', :search, true)"), settings)
        rows = (await session.execute(statement, {"vector": vector[0]})).all()
        if not rows:
            return {}
        columns = units(np.stack([row[1] for row in rows]))[0].T
        return neighbours(similarity_matrix(vector, columns), np.array([row[0] for row in rows], np.int64), THRESHOLD)[0]

    return look


async def answer(database: Database, queries: Vectors, searches: Mapping[str, Search]) -> dict[str, Answers]:
    """Every search answers every query, one after the other, so that all of them meet the same load of the machine."""
    answers = {name: Answers() for name in searches}
    for vector in queries:
        for name, search in searches.items():
            began = time.perf_counter()
            async with database.session() as session:
                near = await search(session, vector[None])
            answers[name].taken.append(1000 * (time.perf_counter() - began))
            match = closest(near)
            answers[name].speakers.append(None if match is None else match.speaker_id)
            answers[name].everybody.append(set(near))
    return answers


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
        plan = "\n".join(await session.scalars(text("EXPLAIN " + index.query()), probe))
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
    await answer(database, queries.near[:3], {"matrix": by_matrix})  # the first use reads all
    rows: list[tuple[str, ...]] = []
    costs = [("none", "", "", *await write_cost(database, voices, IN_PLACE))]
    for index in INDEXES:
        built = await build(database, index)
        searches = {"matrix": by_matrix} | {str(search): by_index(index, search) for search in SEARCHES}
        near, ordinary = [await answer(database, of, searches) for of in (queries.near, queries.ordinary)]
        for name in searches:
            cells = *near[name].row(near["matrix"]), *ordinary[name].row(ordinary["matrix"])
            rows.append((index.name if name == "matrix" else "", name, *cells))
        costs.append((index.name, *built, *await write_cost(database, voices, index.tables)))
        await execute(database, *(f"DROP INDEX probe_{name}" for name in index.tables))
        print(
            index.name,
            *costs[-1],
            *(f"{name}: {' '.join(near[name].row(near['matrix']))}" for name in searches),
            sep="; ",
            flush=True,
        )
    matched = (100 * np.mean([who is not None for who in of["matrix"].speakers]) for of in (near, ordinary))
    print(
        "{}: the matrix matches {:.0f} % of the queries near the threshold, {:.0f} % of the others".format(
            spread.name, *matched
        )
    )
    columns = "median", "95 %", "fastest", "same match %", "same set %"
    print(table(("near the threshold, then ordinary; ms", "ef_search", *columns, *columns), rows))
    print(table(("index", "build s", "MB", "insert ms", f"reassign {REASSIGNED:,}, ms"), costs), flush=True)
    await database.dispose()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--queries", type=int, default=500, help="ordinary ones; four times as many are near the threshold (default: 500)"
    )
    parser.add_argument("--spread", choices=[spread.name for spread in SPREADS], help="default: both")
    arguments = parser.parse_args()
    for spread in SPREADS:
        if arguments.spread not in (None, spread.name):
            continue
        directory = Path(tempfile.mkdtemp(prefix="vivavoce-index-"))
        directory.chmod(0o755)
        try:
            with EmbeddedPostgres(directory / "postgres") as server:
                asyncio.run(measure(server, spread, arguments.queries))
        finally:
            shutil.rmtree(directory, ignore_errors=True)
