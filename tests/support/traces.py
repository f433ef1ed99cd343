"""Search the files of a directory for names and vectors, in every form in which the application writes them."""

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from sqlalchemy import text

from pipeline.names import key
from pipeline.types import Vector
from storage.postgres.database import Database

NUMBERS = 6
"""Numbers of a part of a vector that is searched: PostgreSQL cuts a long value into pieces of 2 kB."""
PARTS = range(0, 64, 16)
"""Where the parts begin."""
COMPRESSED = {
    "backups": ("content",),
    "identity_changes": ("description", "before"),
    "segments": ("text", "words", "emotion_vector", "voice_vector"),
    "job_stages": ("result",),
    "original_segments": ("text", "words"),
    "transcript_changes": ("description", "steps"),
}


def name_forms(name: str) -> list[bytes]:
    """UTF-8, also as the key of a speaker's name, and as JSON escapes it."""
    return [name.encode(), key(name).encode(), json.dumps(name)[1:-1].encode()]


def vector_forms(vector: Vector) -> list[bytes]:
    """Parts of it: float32 as pgvector stores it; and as text, in the fewest or in all digits, with and without spaces."""
    forms = []
    for start in PARTS:
        part = vector[start : start + NUMBERS]
        texts = ([str(number) for number in numbers] for numbers in (part, part.tolist()))
        forms += [part.astype("<f4").tobytes(), *(mark.join(text).encode() for text in texts for mark in (",", ", "))]
    return forms


async def store_uncompressed(database: Database) -> None:
    """Keep PostgreSQL from compressing long values written from now on, in which a search would find nothing."""
    async with database.engine.begin() as connection:
        for table, columns in COMPRESSED.items():
            for column in columns:
                await connection.execute(text(f"ALTER TABLE {table} ALTER COLUMN {column} SET STORAGE EXTERNAL"))


async def checkpoint(database: Database, *, analyze: bool = True) -> None:
    """Write all pages to the files, with current statistics where `analyze`."""
    async with database.engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        if analyze:
            await connection.execute(text("ANALYZE"))
        await connection.execute(text("CHECKPOINT"))


def files_with(directory: Path, forms: Sequence[bytes]) -> set[str]:
    """The files below the directory that contain one of the forms, apart from the write-ahead log."""
    found = set()
    for path in directory.rglob("*"):
        if path.is_file() and "pg_wal" not in path.parts:
            with suppress(FileNotFoundError):  # a temporary one
                content = path.read_bytes()
                if any(form in content for form in forms):
                    found.add(str(path.relative_to(directory)))
    return found


async def relations_with(database: Database, directory: Path, forms: Sequence[bytes], *, analyze: bool = True) -> set[str]:
    """The tables and indexes, and the names of other files, that contain one of the forms."""
    await checkpoint(database, analyze=analyze)
    found = files_with(directory, forms)
    query = text("SELECT pg_relation_filepath(oid), relname FROM pg_class WHERE relkind IN ('r', 'i', 't', 'S')")
    async with database.session() as session:
        names = {row[0]: row[1] for row in await session.execute(query)}
        owners = text("SELECT t.relname, c.relname FROM pg_class c JOIN pg_class t ON t.oid = c.reltoastrelid")
        toast = {row[0]: row[1] for row in await session.execute(owners)}
    return {toast.get(name, name) for path in found for name in [_relation(path, names)]}


def _relation(path: str, names: dict[str, str]) -> str:
    """The relation of a file such as `…/base/5/16742.1`; the path itself where it is of none."""
    return next((name for file, name in names.items() if path.endswith(file) or f"{file}." in path or f"{file}_" in path), path)
