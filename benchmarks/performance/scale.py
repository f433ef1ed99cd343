"""Latency with a large archive, generated in PostgreSQL: `python -m benchmarks.performance.scale`.

There are 100,000 conversations of ten segments, 20,000 speakers of five references each, and one conversation of a thousand
segments. Then unknown voices are named, or merged into a named speaker; none is used twice. Each has 10,000 segments in 2,000
conversations, or in 1,000 in which they speak alone, and a reference from every one of them. Every operation is a transaction
of its own, timed from its beginning to its commit, with the median processor time of PostgreSQL and of the program.
"""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from itertools import count
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from sqlalchemy import TextClause, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from benchmarks.harness.application import open_directory
from benchmarks.harness.command import run
from benchmarks.harness.processor import Spent, Stopwatch
from pipeline.access import LOCAL
from pipeline.identity import matching
from pipeline.identity.policy import IdentityPolicy
from pipeline.identity.thresholds import THRESHOLDS
from pipeline.voice_settings import VoiceSettings
from services.identity import identification, speaker_admin
from storage.conversations import conversations
from storage.postgres.database import Database, migrate
from storage.postgres.embedded import EmbeddedPostgres
from storage.search import listing
from storage.speakers import references, speakers
from storage.tables import SegmentRow
from vivavoce.printing import table

CONVERSATIONS, LINES, SPEAKERS, REFERENCES, DIMENSION = 100_000, 10, 20_000, 5, 256
LONG = 1000
"""Segments of the one long conversation, which is the last."""
ROUNDS = 7
PAST = 10_000
"""Segments of an unknown voice."""
TOGETHER, ALONE = 2 * PAST // LINES, PAST // LINES
"""Conversations of an unknown voice that alternates with another speaker, and of one that speaks alone."""
VOICES = (*[TOGETHER] * (2 * ROUNDS), *[ALONE] * ROUNDS)
"""Conversations of each: the voices of the first third are named, the others are merged into a named speaker."""
FIRST = [1 + sum(VOICES[:voice]) for voice in range(len(VOICES))]
"""The first conversation of each; the others follow it."""
WITHIN = 0.8
"""Cosine similarity of two references of one voice, about; those of two voices have about none."""
MODEL = "wespeaker-resnet34"
RULES = IdentityPolicy(
    MODEL,
    VoiceSettings(
        speaker_threshold=THRESHOLDS[MODEL],
        context_padding=0.15,
        silence_duration=0.5,
        filter_hallucinations=True,
        emotion_threshold=0.6,
    ),
)
STEP = 10_000
"""Conversations, or vectors, written in a transaction."""

# Participants 2 i - 1 and 2 i are those of conversation i: the first is an unknown or a named voice, without a vector as yet.
FILL = f"""
INSERT INTO speakers (name) SELECT 'Speaker ' || i FROM generate_series(1, {SPEAKERS}) i;
INSERT INTO speakers (name) SELECT 'Unknown_' || i FROM generate_series(1, {len(VOICES)}) i;
INSERT INTO conversations (title, start_time, end_time, duration, status, progress, audio_format, language)
    SELECT 'Talk ' || i, t, t + interval '1 minute', 60, 'completed', 1, 'flac', 'en'
    FROM generate_series(1, {CONVERSATIONS} + 1) i, LATERAL (SELECT now() - i * interval '1 hour') AS at (t);
INSERT INTO participants (conversation_id, label, speech, speaker_id)
    SELECT i, 'SPEAKER_0' || p, 30, CASE
        WHEN p = 0 AND i <= {sum(VOICES)} THEN {SPEAKERS} + width_bucket(i, ARRAY{FIRST})
        WHEN p = 0 THEN 1 + (i * 7919) % {SPEAKERS}
        ELSE 1 + (i - 1) % {SPEAKERS} END
    FROM generate_series(1, {CONVERSATIONS} + 1) i, generate_series(0, 1) p ORDER BY i, p;
"""
SPEAK = """
INSERT INTO segments (conversation_id, participant_id, position, start_offset, end_offset, text, words, confidence,
    emotion_category, emotion_confidence)
    SELECT i, 2 * i - 1 + CASE WHEN i BETWEEN {alone} AND {unknown} THEN 0 ELSE n % 2 END, n, n * 6, n * 6 + 5,
    'What I meant to say was number ' || n, {words}, 0.7, 'neutral', 0.9
    FROM generate_series(CAST(:first AS int), CAST(:last AS int)) i, generate_series(0, :lines - 1) n
"""
WORDS = """(SELECT jsonb_agg(jsonb_build_object('word', ' word', 'start', n * 6 + w * 0.5, 'end', n * 6 + w * 0.5 + 0.4,
    'probability', 0.9)) FROM generate_series(0, 9) w WHERE n >= 0)"""

Act = Callable[[AsyncSession], Awaitable[object]]
Vectors = NDArray[np.float32]


def voices(speakers_: int, each: int, seed: int) -> Vectors:
    """`each` references of every speaker, one after the other, shape (speakers x each, DIMENSION)."""
    rng = np.random.default_rng(seed)
    rows = np.empty((speakers_, each, DIMENSION), np.float32)
    for row in rows:
        own = rng.standard_normal((1, DIMENSION), np.float32)
        row[:] = np.sqrt(WITHIN) * own + np.sqrt(1 - WITHIN) * rng.standard_normal((each, DIMENSION), np.float32)
    flat = rows.reshape(-1, DIMENSION)
    return np.asarray(flat / np.linalg.norm(flat, axis=1, keepdims=True), np.float32)


def _speak(words: str) -> TextClause:
    return text(SPEAK.format(words=words, alone=FIRST[2 * ROUNDS], unknown=sum(VOICES)))


async def fill(database: Database) -> Vectors:
    """All but the unknown voices' references; returns those of the known, of speaker after speaker."""
    for statement in FILL.split(";\n")[:-1]:
        async with database.session() as session:
            await session.execute(text(statement))
    for first in range(1, CONVERSATIONS + 1, STEP):
        async with database.session() as session:
            values = {"first": first, "last": first + STEP - 1, "lines": LINES}
            await session.execute(_speak("NULL"), values)
    async with database.session() as session:
        values = {"first": CONVERSATIONS + 1, "last": CONVERSATIONS + 1, "lines": LONG}
        await session.execute(_speak(WORDS), values)
    known = voices(SPEAKERS, REFERENCES, seed=1)
    # Speaker s + 1 is the second participant of conversations s + 1, s + 1 + SPEAKERS, …
    order = ((2 * (1 + s + r * SPEAKERS), known[s * REFERENCES + r]) for r in range(REFERENCES) for s in range(SPEAKERS))
    await give_vectors(database, order)
    return known


async def give_vectors(database: Database, rows: Iterator[tuple[int, Any]]) -> None:
    """Participants, by id, get their vectors: copied first, then set in one statement for many."""
    async with database.engine.connect() as connection:
        raw: Any = (await connection.get_raw_connection()).driver_connection
        await raw.execute("CREATE TEMPORARY TABLE heard (id int, vector vector)")
        await raw.copy_records_to_table("heard", records=rows, columns=["id", "vector"])
        await raw.execute(
            f"UPDATE participants p SET vector = h.vector, model = '{MODEL}' FROM heard h WHERE p.id = h.id; DROP TABLE heard"
        )
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(text("VACUUM ANALYZE"))


async def timed(database: Database, acts: Sequence[Act]) -> list[Spent]:
    """What each of them takes."""
    taken, watch = [], await Stopwatch.of(database)
    for act in acts:
        watch.start()
        async with database.session() as session:
            await act(session)
        taken.append(watch.stop())
    return taken


def row(name: str, wanted: str, taken: Sequence[Spent]) -> tuple[str, ...]:
    passed = [one.passed for one in taken]
    processor = ([one.postgres for one in taken], [one.program for one in taken])
    figures = (statistics.median(passed), min(passed), max(passed), *map(statistics.median, processor))
    return name, wanted, *(f"{figure:.1f}" for figure in figures)


async def before(database: Database, known: Vectors, rounds: int) -> list[tuple[str, ...]]:
    """The measurements while the archive holds only the known speakers' references."""
    rng = np.random.default_rng(2)
    picked = rng.integers(0, len(known), rounds)
    probes = known[picked] + 0.02 * rng.standard_normal((rounds, DIMENSION), np.float32)

    def match(probe: Vectors, speaker: int) -> Act:
        async def act(session: AsyncSession) -> None:
            (near,) = await references.neighbours(session, probe[None], MODEL, RULES.voice.speaker_threshold)
            found = matching.closest(near)
            assert found is not None
            assert found.speaker_id == speaker

        return act

    matches = [match(probe, 1 + int(at) // REFERENCES) for probe, at in zip(probes, picked, strict=True)]
    first, *rest = await timed(database, [matches[0], *matches])
    pages = [lambda session: listing.list_page(session, LOCAL)] * rounds
    last = [lambda session: listing.list_page(session, LOCAL, skip=CONVERSATIONS - 100)] * rounds
    chosen = rng.integers(1, CONVERSATIONS, rounds)
    opened = [lambda session, id_=int(id_): conversations.get(session, id_) for id_ in chosen]
    long = [lambda session: conversations.get(session, CONVERSATIONS + 1)] * rounds
    people = [speakers.list_all] * rounds
    return [
        row("match a voice, first time of a process", "", [first]),
        row(f"match a voice with {len(known):,} references", "10", rest),
        row("list the newest 100 conversations", "50", await timed(database, pages)),
        row("list the oldest 100 conversations", "50", await timed(database, last)),
        row(f"open a conversation of {LINES} lines", "50", await timed(database, opened)),
        row(f"open a conversation of {LONG:,} lines", "50", await timed(database, long)),
        row(f"list all {SPEAKERS:,} speakers", "", await timed(database, people)),
    ]


async def after(database: Database, rounds: int) -> list[tuple[str, ...]]:
    """The measurements of the unknown voices, after their references are stored."""
    numbers = count()

    def rename(speaker: int) -> Act:
        return lambda session: speaker_admin.rename(session, speaker, f"Somebody else {next(numbers)}")

    def identify(voice: int, speaker_id: int | None = None, name: str | None = None) -> Act:
        async def act(session: AsyncSession) -> None:
            found = await identification.identify(session, RULES, *line, speaker_id=speaker_id, speaker_name=name)
            assert found.segments_updated == PAST

        line = lines[voice]
        return act

    async with database.session() as session:
        found = select(SegmentRow.conversation_id, SegmentRow.id).where(
            SegmentRow.conversation_id.in_(FIRST), SegmentRow.position == 0
        )
        lines = [(row.conversation_id, row.id) for row in await session.execute(found.order_by(SegmentRow.conversation_id))]
        # A serving process has matched before. Here the first use reads all new references, outside of the timed operations.
        await references.neighbours(session, voices(1, 1, seed=4), MODEL, RULES.voice.speaker_threshold)
    new = [identify(voice, name=f"New {voice}") for voice in range(rounds)]
    known = [identify(ROUNDS + voice, speaker_id=1 + voice) for voice in range(rounds)]
    alone = [identify(2 * ROUNDS + voice, speaker_id=ROUNDS + 1 + voice) for voice in range(rounds)]
    renamed = [rename(int(speaker)) for speaker in np.random.default_rng(3).integers(100, SPEAKERS, rounds)]
    return [
        row("rename a speaker", "50", await timed(database, renamed)),
        row(f"name an unknown voice of {PAST:,} lines", "50", await timed(database, new)),
        row("the same speaker renamed", "50", await timed(database, [rename(SPEAKERS + 1 + voice) for voice in range(rounds)])),
        row(f"it is somebody: {PAST:,} lines, {TOGETHER:,} conversations", "50", await timed(database, known)),
        row(f"it is somebody: {PAST:,} lines, {ALONE:,} conversations", "50", await timed(database, alone)),
    ]


async def measure_all(url: str, rounds: int) -> None:
    await migrate(url)
    database = Database(url)
    began = time.perf_counter()
    known = await fill(database)
    async with database.session() as session:
        (counts,) = await session.execute(
            text(
                "SELECT (SELECT count(*) FROM conversations), (SELECT count(*) FROM segments), (SELECT count(*) FROM speakers)"
            )
        )
    print(f"{counts[0]:,} conversations, {counts[1]:,} lines, {counts[2]:,} speakers: {time.perf_counter() - began:.0f} s")
    rows = await before(database, known, rounds)
    unknown = np.concatenate([voices(1, heard, seed=5 + voice) for voice, heard in enumerate(VOICES)])
    await give_vectors(database, ((2 * i + 1, vector) for i, vector in enumerate(unknown)))
    rows += await after(database, rounds)
    print(table(("ms", "wanted", "median", "fastest", "slowest", "processor: PostgreSQL", "program"), rows))
    await database.dispose()


def main(rounds: Annotated[int, typer.Option(min=1, max=ROUNDS)] = ROUNDS) -> None:
    with open_directory() as directory, EmbeddedPostgres(directory / "postgres") as server:
        asyncio.run(measure_all(server, rounds))


if __name__ == "__main__":
    run(main)
