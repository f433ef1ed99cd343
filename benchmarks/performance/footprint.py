"""What an hour of audio takes: CPU seconds by call of a stage, and bytes moved and stored.

    python -m benchmarks.performance.footprint FILE [--copies 10]

The application processes the recording in one process, with the real models, one call at a time. Then copies of it are
uploaded, the results of which are not computed again. All figures are for an hour of audio. `benchmarks.performance.capacity`
computes the size of an installation from them.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import cloudpickle
import typer
from sqlalchemy import text

from benchmarks.harness.application import open_directory
from benchmarks.harness.command import run
from engines import in_process
from engines.weights.resolver import resolve
from media.decoding import decode
from pipeline.stages import Stages
from pipeline.types import SAMPLE_RATE
from settings import Settings
from storage.postgres.database import Database, migrate
from storage.postgres.embedded import EmbeddedPostgres
from tests.support.application import Application, running
from tests.support.remembered import remember
from vivavoce.printing import table

HOUR_S, MB = 3600.0, 1e6
SAMPLE_BYTES = 4
LARGEST = 8
"""Tables that are listed."""
SIZES = """
SELECT relname, pg_table_size(oid), pg_indexes_size(oid) FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
"""
COUNT = """
SELECT (SELECT count(*) FROM conversations) AS conversations, (SELECT count(*) FROM participants) AS participants,
    (SELECT count(*) FROM segments) AS segments, (SELECT count(*) FROM turns) AS turns,
    (SELECT sum(jsonb_array_length(words)) FROM segments) AS words
"""


@dataclass
class Meter:
    """CPU seconds, and bytes of arguments and results, by call. One call of all stages runs at a time."""

    cpu_s: Counter[str] = field(default_factory=Counter)
    moved: Counter[str] = field(default_factory=Counter)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    @contextmanager
    def measured(self, name: str) -> Iterator[None]:
        start = time.process_time()
        yield
        self.cpu_s[name] += time.process_time() - start  # type: ignore[assignment]  # a counter of seconds


class Metered:
    """A stage whose calls are measured."""

    def __init__(self, stage: object, meter: Meter) -> None:
        self._stage, self._meter = stage, meter

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._stage, name)

        async def call(*args: Any) -> Any:
            async with self._meter.turn:
                with self._meter.measured(name):
                    found = await method(*args)
            # Samples are in the object store, and a callback stays with the caller.
            sent = [arg for arg in args if not callable(arg) and not hasattr(arg, "__array_interface__")]
            self._meter.moved[name] += len(cloudpickle.dumps(sent)) + len(cloudpickle.dumps(found))
            return found

        return call


async def sizes(database: Database) -> dict[str, tuple[int, int]]:
    """Bytes of the rows and of the indexes of each table."""
    async with database.engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(text("VACUUM ANALYZE"))
        return {name: (rows, indexes) for name, rows, indexes in await connection.execute(text(SIZES))}


async def written(database: Database) -> int:
    """Bytes of PostgreSQL's log so far."""
    async with database.session() as session:
        return int(await session.scalar(text("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn")) or 0)


async def upload(application: Application, name: str, content: bytes) -> int:
    """Process a recording, and return the bytes of the conversation that a client reads."""
    answer = await application.client.post("/process", files={"audio_file": (name, content)}, timeout=None)
    return len(answer.raise_for_status().content)


async def measure(directory: Path, url: str, path: Path, content: bytes, copies: int) -> None:
    meter = Meter()
    with meter.measured("decode"):
        seconds = len(decode(path, max_duration=12 * HOUR_S)) / SAMPLE_RATE
    settings = Settings(cpu_threads=1)
    loaded = in_process.load(settings)
    remember(loaded)
    stages: Any = Stages(
        *(Metered(stage, meter) for stage in (loaded.transcriber, loaded.diarizer, loaded.embedder, loaded.emotion))
    )
    model = resolve("embedding", settings, gpu=False).name
    await migrate(url)
    database = Database(url)
    async with running(settings, url, directory, stages, model) as application:
        empty, log = await sizes(database), await written(database)
        answer = await upload(application, path.name, content)
        calls = [(name, took, meter.moved[name]) for name, took in meter.cpu_s.items()]
        for _ in range(copies - 1):
            await upload(application, path.name, content)
        log = await written(database) - log
        full = await sizes(database)
        async with database.session() as session:
            counts = (await session.execute(text(COUNT))).one()._asdict()
    await database.dispose()
    hours = copies * seconds / HOUR_S
    print(f"{path.name}: {seconds:.0f} s, {copies} times: {hours:.2f} hours. For an hour of audio:")
    each = HOUR_S / seconds
    rows = [(name, f"{took * each:.1f}", f"{moved * each / MB:.2f}") for name, took, moved in calls]
    print(f"\n{table(('call', 'CPU s', 'MB of arguments and results'), rows)}")
    print(f"\n{table(('rows', 'number'), [(name, f'{count / hours:.0f}') for name, count in counts.items()])}")
    print(f"\n{table(('table', 'MB of rows', 'MB of indexes'), grown(empty, full, hours))}")
    stored = await asyncio.to_thread(lambda: sum(file.stat().st_size for file in directory.iterdir()))
    other = {
        "the upload": len(content) * each,
        "the recording in the audio store": stored / hours,
        "its samples in an object store": SAMPLE_BYTES * SAMPLE_RATE * HOUR_S,
        "PostgreSQL's log": log / hours,
        "the conversation as JSON": answer * each,
    }
    print(f"\n{table(('bytes of', 'MB'), [(name, f'{size / MB:.2f}') for name, size in other.items()])}")


def grown(empty: dict[str, tuple[int, int]], full: dict[str, tuple[int, int]], hours: float) -> list[tuple[str, str, str]]:
    """What the largest tables, and all of them, grew by for an hour of audio."""
    more = {name: (rows - empty[name][0], indexes - empty[name][1]) for name, (rows, indexes) in full.items()}
    largest = sorted(more.items(), key=lambda table: -sum(table[1]))[:LARGEST]
    total = [sum(size[i] for size in more.values()) for i in (0, 1)]
    return [
        (name, f"{rows / hours / MB:.3f}", f"{indexes / hours / MB:.3f}")
        for name, (rows, indexes) in [*largest, ("all", total)]
    ]


def main(
    path: Annotated[Path, typer.Argument(help="A recording.", exists=True, dir_okay=False)],
    copies: Annotated[int, typer.Option(min=1, help="Uploads of it: tables grow by whole pages.")] = 10,
) -> None:
    with open_directory() as directory, EmbeddedPostgres(directory / "postgres") as server:
        recordings = directory / "recordings"
        recordings.mkdir()
        asyncio.run(measure(recordings, server, path, path.read_bytes(), copies))


if __name__ == "__main__":
    run(main)
