"""What people change in transcripts, one transaction each: the methods of `AppContext.editor`, which every door calls."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.transcript.word_times import clean, retime
from pipeline.types import ConversationSegment
from services.access import audit
from services.editing import history
from services.editing.history import EditError
from services.errors import SegmentNotFoundError
from storage.conversations import segments as transcript
from storage.editing import change_log, originals, segments
from storage.editing.change_log import EditSummary
from storage.editing.originals import Original
from storage.editing.segments import StoredSegment
from storage.editing.steps import EditRecord, TextChanged, TextVersion
from storage.postgres.database import Database

MAX_LISTED = 100
EMPTY = "The text is empty: delete the segment instead."
CHANGED = "The segment has another text by now: read it again."


@dataclass(frozen=True, slots=True)
class Edit:
    """What a request changed in a transcript."""

    change: EditSummary | None
    """None where nothing changed."""
    segments: Sequence[ConversationSegment]
    """Those that are new or different, in order."""


class TranscriptEditor:
    """Methods raise LookupError where there is no such conversation, SegmentNotFoundError, EditError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def set_text(self, conversation_id: int, segment_id: int, text: str, expected_text: str | None = None) -> Edit:
        """Change the text of a segment; its words get their times from those that it had.

        Args:
            expected_text: What the change was made to; another text is left as it is.
        """
        wanted = clean(text)
        if not wanted:
            raise EditError(EMPTY)
        async with self._database.session() as session:
            await segments.lock(session, conversation_id)
            former = await _segment(session, conversation_id, segment_id, expected_text)
            if wanted == former.text:
                return await _edit(session, conversation_id, None, [segment_id])
            words = await asyncio.to_thread(retime, wanted, former.words or (), former.span)
            version = TextVersion(
                text=wanted, words=words, originals=former.originals or [segment_id], edited_at=datetime.now(UTC)
            )
            await originals.keep(session, [segment_id])
            await segments.set_texts(session, {segment_id: version})
            record = EditRecord(steps=[TextChanged(segment=segment_id, before=former.version, after=version)])
            change = await change_log.add(session, conversation_id, "The text of a segment was changed", record)
            await audit.record(session, "segment.edit", f"segment:{segment_id}")
            return await _edit(session, conversation_id, change, [segment_id])

    async def originals(self, conversation_id: int) -> list[Original]:
        """The segments as the program wrote them, of those that were changed or deleted, in order of time."""
        async with self._database.session() as session:
            await segments.check_conversation(session, conversation_id)
            return await originals.of_conversation(session, conversation_id)

    async def changes(self, conversation_id: int) -> list[EditSummary]:
        """The latest changes, the newest first."""
        async with self._database.session() as session:
            await segments.check_conversation(session, conversation_id)
            return await change_log.latest(session, conversation_id, MAX_LISTED)

    async def undo(self, conversation_id: int) -> Edit:
        """Undo the last change of the conversation's segments that holds."""
        async with self._database.session() as session:
            change, concerned = await history.undo(session, conversation_id)
            return await _edit(session, conversation_id, change, concerned)

    async def redo(self, conversation_id: int) -> Edit:
        """Make the change again that was undone last."""
        async with self._database.session() as session:
            change, concerned = await history.redo(session, conversation_id)
            return await _edit(session, conversation_id, change, concerned)


async def _segment(session: AsyncSession, conversation_id: int, segment_id: int, expected_text: str | None) -> StoredSegment:
    found = (await segments.get(session, conversation_id, [segment_id])).get(segment_id)
    if found is None:
        raise SegmentNotFoundError
    if expected_text is not None and found.text != expected_text:
        raise EditError(CHANGED)
    return found


async def _edit(session: AsyncSession, conversation_id: int, change: EditSummary | None, segment_ids: Sequence[int]) -> Edit:
    return Edit(change, await transcript.by_ids(session, conversation_id, segment_ids))
