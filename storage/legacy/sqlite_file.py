"""Read the reference system's SQLite file, which is untrusted: read-only, with limits, and no SQL of the file's own runs."""

import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

Row = Mapping[str, Any]

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "speakers": ("id", "name", "embedding", "emotion_threshold", "created_at", "updated_at"),
    "speaker_emotion_profiles": (
        *("id", "speaker_id", "emotion_category", "embedding", "sample_count", "confidence_threshold", "voice_embedding"),
        *("voice_sample_count", "voice_threshold", "created_at", "updated_at"),
    ),
    "conversations": (
        *("id", "snapshot_uuid", "title", "start_time", "end_time", "duration", "status", "audio_path", "created_at"),
    ),
    "conversation_segments": (
        *("id", "conversation_id", "speaker_id", "speaker_name", "text", "start_offset", "end_offset", "confidence"),
        *("emotion_category", "emotion_confidence", "emotion_corrected", "emotion_corrected_at", "emotion_misidentified"),
        *("detector_breakdown", "words_data", "avg_logprob", "is_misidentified", "emotion_embedding"),
    ),
    "ground_truth_labels": ("id", "segment_id", "true_speaker_name", "labeled_by", "labeled_at", "notes"),
}
"""The columns that are read. Older versions of the reference system lack some."""
REQUIRED: Mapping[str, tuple[str, ...]] = {
    "speakers": ("id", "name"),
    "conversations": ("id", "start_time"),
    "conversation_segments": ("id", "conversation_id", "start_offset", "end_offset"),
}
MAX_VALUE_BYTES = 8 * 2**20
"""The words of a segment take some kilobytes."""
MAX_ROWS = 2_000_000
MAX_STATEMENT_S = 600.0
INSTRUCTIONS = 100_000
"""Of SQLite's virtual machine, between two looks at the clock."""
ALLOWED = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ}


class LegacyFileError(ValueError):
    """The file cannot be imported; one sentence that says why."""


class LegacyFile:
    """An open file. All methods block; they may be called in any thread, one at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        # Without a log beside it the file is complete, and `immutable` keeps SQLite from making one.
        log = path.with_name(f"{path.name}-wal")
        immutable = "&immutable=1" if not log.exists() or log.stat().st_size == 0 else ""
        address = f"{path.absolute().as_uri()}?mode=ro{immutable}"
        try:
            self._connection = sqlite3.connect(address, uri=True, check_same_thread=False)
        except sqlite3.Error as error:
            raise LegacyFileError(f"{path} cannot be opened: {error}.") from error
        self._deadline = 0.0
        try:
            self._limit()
            self._columns = {table: self._present(table) for table in COLUMNS}
            # From here on nothing but reading of tables is allowed: no function, no PRAGMA, no view.
            self._connection.set_authorizer(lambda action, *_: sqlite3.SQLITE_OK if action in ALLOWED else sqlite3.SQLITE_DENY)
        except sqlite3.Error as error:
            self._connection.close()
            raise LegacyFileError(f"{path} is no SQLite file, or a damaged one: {error}.") from error
        except BaseException:
            self._connection.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._connection.close()

    def rows(self, table: str, most: int) -> Iterator[Row]:
        """All rows, by id. Raises LegacyFileError, also for more than `most`."""
        for number, row in enumerate(self._select(table, "ORDER BY id")):
            if number == most:
                raise LegacyFileError(f"The table {table} has more than {most} rows.")
            yield row

    def children(self, table: str, key: str) -> "Children":
        """The rows of `table` by parent; the column `key` has the parent's id."""
        return Children(self, table, key)

    def by_id(self, table: str, ids: Sequence[int]) -> Iterator[Row]:
        for id_ in ids:
            yield from self._select(table, "WHERE id = ?", id_)

    def keys(self, table: str, key: str) -> list[tuple[int, int]]:
        """The parents and ids of all rows, in this order. No index is needed, as version 1 has none."""
        if not self._columns[table]:
            return []
        pairs = self._execute(f"SELECT {key}, id FROM {table} LIMIT {MAX_ROWS + 1}")
        found = [(parent, id_) for parent, id_ in pairs if isinstance(parent, int)]
        if len(found) > MAX_ROWS:
            raise LegacyFileError(f"The table {table} has more than {MAX_ROWS} rows.")
        return sorted(found)

    def highest_id(self, table: str) -> int:
        """0 where there is none."""
        rows = list(self._execute(f"SELECT id FROM {table} ORDER BY id DESC LIMIT 1"))
        return rows[0][0] if rows else 0

    def _select(self, table: str, rest: str, *values: int) -> Iterator[Row]:
        columns = self._columns[table]
        if columns:
            for row in self._execute(f"SELECT {', '.join(columns)} FROM {table} {rest}", *values):
                yield dict.fromkeys(COLUMNS[table]) | dict(zip(columns, row, strict=True))

    def _execute(self, statement: str, *values: int) -> Iterator[tuple[Any, ...]]:
        self._deadline = time.monotonic() + MAX_STATEMENT_S
        try:
            yield from self._connection.execute(statement, values)
        except sqlite3.Error as error:
            raise LegacyFileError(f"{self.path} is damaged, or made to do harm: {error}.") from error

    def _limit(self) -> None:
        self._connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)
        self._connection.text_factory = lambda data: data.decode("utf-8", "replace")
        self._connection.set_progress_handler(lambda: time.monotonic() > self._deadline, INSTRUCTIONS)
        self._deadline = time.monotonic() + MAX_STATEMENT_S
        for pragma in ("trusted_schema=OFF", "cell_size_check=ON", "mmap_size=0"):
            self._connection.execute(f"PRAGMA {pragma}")

    def _present(self, table: str) -> tuple[str, ...]:
        """The columns to read. Raises LegacyFileError where the table is not one of the reference system's."""
        kinds = self._connection.execute("SELECT type, rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchall()
        required = REQUIRED.get(table, ())
        if not kinds and not required:
            return ()
        if len(kinds) != 1 or kinds[0][0] != "table" or not kinds[0][1]:  # a view, or a virtual table
            raise LegacyFileError(f"{self.path} is no database of the reference system: it has no table {table}.")
        # Rows of cid, name, type, notnull, default, pk, hidden (not 0 where it is computed).
        described = {row[1]: row for row in self._connection.execute(f"PRAGMA table_xinfo({table})")}
        if missing := [name for name in required if name not in described]:
            raise LegacyFileError(
                f"{self.path} is no database of the reference system: {table} has no column {', '.join(missing)}."
            )
        key = described.get("id")
        if key is None or key[5] != 1 or str(key[2]).upper() != "INTEGER":
            raise LegacyFileError(f"{self.path} is no database of the reference system: {table} has no integer id as its key.")
        found = tuple(name for name in COLUMNS[table] if name in described)
        if any(described[name][6] for name in found):
            raise LegacyFileError(f"{self.path} is no database of the reference system: {table} has computed columns.")
        return found


class Children:
    """Rows by parent; only their keys are in memory."""

    def __init__(self, file: LegacyFile, table: str, key: str) -> None:
        self._file, self._table = file, table
        self._ids: dict[int, list[int]] = {}
        for parent, id_ in file.keys(table, key):
            self._ids.setdefault(parent, []).append(id_)

    def count(self, parent: int) -> int:
        return len(self._ids.get(parent, ()))

    def of(self, parent: int) -> Iterator[Row]:
        return self._file.by_id(self._table, self._ids.get(parent, ()))
