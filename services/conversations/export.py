"""Transcripts as files: one, or several in a ZIP archive that is written while it is sent."""

import asyncio
import io
import zipfile
from collections.abc import AsyncIterator, Callable, Collection, Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.formats import export
from pipeline.formats.file_names import file_name
from services import schemas
from services.access import audit
from services.access.actor import actor
from storage.access import visibility
from storage.conversations import conversations, exports
from storage.conversations.conversations import ConversationDetail
from storage.postgres.database import Database

JSON = "json"
LEFT_OUT = "left-out.txt"
"""The file that names the conversations that are not in the archive."""

YEARS = range(1980, 2108)
"""That the time of a file in an archive can have."""

Render = Callable[[], str]
"""Blocks: a day of speech is 20,000 segments."""


async def prepare(session: AsyncSession, found: ConversationDetail, format: str, *, words: bool = True) -> Render:
    """Load what a file needs. `format` is one of `export.FORMATS`, or `JSON`; `words`: with those of its segments."""
    if format == JSON:
        return lambda: schemas.Conversation.model_validate(found).with_words(words).model_dump_json()
    source = await exports.export_input(session, found)
    return lambda: export.FORMATS[format].render(source)


async def archive(database: Database, ids: Sequence[int], format: str) -> AsyncIterator[bytes]:
    """The parts of a ZIP archive with a file for each conversation. One of them is in memory at a time.

    The exports are recorded before anything is sent. Raises LookupError where none of the conversations exists.
    """
    async with database.session() as session:
        seen = await visibility.visible_among(session, actor().principal, ids)
        if not seen:
            raise LookupError(conversations.NOT_FOUND)
        for id_ in seen:
            await audit.record(session, "conversation.export", f"conversation:{id_}")
    return _write(database, ids, seen, format)


async def _write(database: Database, ids: Sequence[int], seen: Collection[int], format: str) -> AsyncIterator[bytes]:
    sent = _Unseekable()
    left_out = []
    with zipfile.ZipFile(sent, "w", zipfile.ZIP_DEFLATED) as file:
        for id_ in ids:
            async with database.session() as session:
                found = await conversations.get(session, id_) if id_ in seen else None
                render = None if found is None else await prepare(session, found, format)
            if found is None or render is None:
                left_out.append(id_)
                continue
            name = file_name(found.title, id_, format)
            await asyncio.to_thread(_add, file, name, render, found)
            yield sent.taken()
        if left_out:
            file.writestr(LEFT_OUT, "".join(f"{id_}: {conversations.NOT_FOUND}\n" for id_ in left_out))
    yield sent.taken()


def _add(file: zipfile.ZipFile, name: str, render: Render, found: ConversationDetail) -> None:
    """Blocks."""
    moment = found.start_time.timetuple()[:6]
    entry = zipfile.ZipInfo(name, moment if moment[0] in YEARS else (YEARS[0], 1, 1, 0, 0, 0))
    entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o600 << 16
    file.writestr(entry, render())


class _Unseekable(io.RawIOBase):
    """Holds what was written until it is taken. `zipfile` writes sizes after the files as it cannot be sought."""

    def __init__(self) -> None:
        self._parts = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: "bytes | bytearray | memoryview") -> int:  # type: ignore[override]
        self._parts += data
        return len(data)

    def taken(self) -> bytes:
        parts = bytes(self._parts)
        self._parts.clear()
        return parts
