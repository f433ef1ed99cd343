"""What people change in transcripts, one transaction each: the methods of `AppContext.editor`, which every door calls."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.stages import Stages
from pipeline.transcript.replacement import Replacement
from pipeline.transcript.word_times import clean, retime
from pipeline.types import ConversationSegment, Span
from services.access import audit
from services.editing import history, replacing, segment_edits
from services.editing.errors import EditError
from services.editing.recognition import Recognizer
from services.editing.replacing import Replaced
from services.policy import Policies
from services.recordings import Recordings
from storage.change_summary import ChangeSummary
from storage.conversations import conversations
from storage.conversations import segments as transcript
from storage.editing import change_log, originals, rows, segments
from storage.editing.originals import Original
from storage.editing.steps import EditRecord, EditStep, SegmentCopy, TextsChanged, TextVersion
from storage.speakers import speakers

MAX_LISTED = 100
MAX_TEXT_CHARS = 5000
"""A segment has about one sentence; one of 30 s has some 500 characters."""
MAX_WORDS_CHARS = 200
"""To be found, and in their place."""
EMPTY = "The text is empty: delete the segment instead."


@dataclass(frozen=True, slots=True)
class Edit:
    """What a request changed in a transcript."""

    change: ChangeSummary | None
    """None where nothing changed."""
    segments: Sequence[ConversationSegment]
    """Those that are new or different, in order."""
    deleted: Sequence[int] = ()
    """Ids of segments that are gone."""
    notes: Sequence[str] = ()
    """What new segments lack, in sentences."""


class TranscriptEditor:
    """Methods raise LookupError where there is no such conversation, SegmentNotFoundError, EditError."""

    def __init__(self, recordings: Recordings, stages: Stages[Any], policies: Policies) -> None:
        """`stages` are for calls that a person waits for."""
        self._database = recordings.database
        self._policies = policies
        self._recognizer = Recognizer(recordings, stages, policies)

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
            former = await segment_edits.read(session, conversation_id, segment_id, expected_text)
            if wanted == former.text:
                return await _edit(session, conversation_id, None, [segment_id])
            span = Span(former.start_offset, former.end_offset)
            words = await asyncio.to_thread(retime, wanted, former.words or (), span)
            version = TextVersion(
                text=wanted, words=words, originals=former.originals or [segment_id], edited_at=datetime.now(UTC)
            )
            await originals.keep(session, [segment_id])
            await segments.set_texts(session, {segment_id: version})
            before = TextVersion.model_validate(former, from_attributes=True)
            step = TextsChanged(before={segment_id: before}, after={segment_id: version})
            change = await _log(session, conversation_id, "The text of a segment was changed", step)
            await audit.record(session, "segment.edit", f"segment:{segment_id}")
            return await _edit(session, conversation_id, change, [segment_id])

    async def split(self, conversation_id: int, segment_id: int, word: int, expected_text: str | None = None) -> Edit:
        """Split a segment in two; the second begins with word number `word`, from 0. Both have its speaker."""
        async with self._database.session() as session:
            former = await segment_edits.read(session, conversation_id, segment_id, expected_text)
            following = await rows.following(session, former)
            made = segment_edits.parts(former, word, await rows.new_id(session), following)
            key = await conversations.recording_key(session, conversation_id)
        made, notes = await self._recognizer.recognize(key, made)
        async with self._replacing(conversation_id, [former]) as session:
            after = {part.id: part for part in made}
            step = await segment_edits.replace(session, self._policies.read, {segment_id: former}, after)
            change = await _log(session, conversation_id, "A segment was split", step)
            await audit.record(session, "segment.split", f"segment:{segment_id}")
            return await _edit(session, conversation_id, change, list(after), notes=notes)

    async def join(self, conversation_id: int, segment_id: int, expected_text: str | None = None) -> Edit:
        """Join a segment with the next one, of the same speaker; the latter is gone."""
        async with self._database.session() as session:
            first = await segment_edits.read(session, conversation_id, segment_id, expected_text)
            second = await segment_edits.check_joinable(session, first, await rows.following(session, first))
            key = await conversations.recording_key(session, conversation_id)
        made, notes = await self._recognizer.recognize(key, [segment_edits.joined_segment(first, second)])
        async with self._replacing(conversation_id, [first, second]) as session:
            before = {first.id: first, second.id: second}
            step = await segment_edits.replace(session, self._policies.read, before, {segment_id: made[0]})
            change = await _log(session, conversation_id, "Two segments were joined", step)
            await audit.record(session, "segment.join", f"segment:{segment_id}")
            return await _edit(session, conversation_id, change, [segment_id], [second.id], notes)

    async def delete(self, conversation_id: int, segment_id: int) -> Edit:
        """Delete a segment. The voice of its participant stays as it is: that is computed from the sound."""
        async with self._database.session() as session:
            await speakers.lock(session)
            await segments.lock(session, conversation_id)
            former = await segment_edits.read(session, conversation_id, segment_id)
            step = await segment_edits.replace(session, self._policies.read, {segment_id: former}, {})
            change = await _log(session, conversation_id, "A segment was deleted", step)
            await audit.record(session, "segment.delete", f"segment:{segment_id}")
            return await _edit(session, conversation_id, change, [], [segment_id])

    async def replace(self, conversation_id: int, replacement: Replacement, *, dry_run: bool) -> Replaced:
        """Replace words in all segments; with `dry_run` only say what would change."""
        async with self._database.session() as session:
            await segments.lock(session, conversation_id)
            found = await replacing.find(session, conversation_id, replacement)
            change = None
            if found.segments and not dry_run:
                step = await replacing.apply(session, conversation_id, found)
                description = f"Words were replaced in {len(found.segments)} segment(s)"
                change = await _log(session, conversation_id, description, step)
                await audit.record(session, "conversation.replace", f"conversation:{conversation_id}")
            return Replaced(found.matches, found.segments, found.notes, change)

    async def originals(self, conversation_id: int) -> list[Original]:
        """The segments as the program wrote them, of those that were changed or deleted, in order of time."""
        async with self._database.session() as session:
            await segments.check_conversation(session, conversation_id)
            return await originals.of_conversation(session, conversation_id)

    async def changes(self, conversation_id: int) -> list[ChangeSummary]:
        """The latest changes, the newest first."""
        async with self._database.session() as session:
            await segments.check_conversation(session, conversation_id)
            return await change_log.latest(session, conversation_id, MAX_LISTED)

    async def undo(self, conversation_id: int, expected: int | None = None) -> Edit:
        """Undo the last change of the conversation's segments that holds; only the `expected` one, if given."""
        async with self._database.session() as session:
            done = await history.undo(session, conversation_id, self._policies.read, expected)
            return await _edit(session, conversation_id, done.change, done.present, done.gone)

    async def redo(self, conversation_id: int) -> Edit:
        """Make the change again that was undone last."""
        async with self._database.session() as session:
            done = await history.redo(session, conversation_id, self._policies.read)
            return await _edit(session, conversation_id, done.change, done.present, done.gone)

    @asynccontextmanager
    async def _replacing(self, conversation_id: int, read: Sequence[SegmentCopy]) -> AsyncIterator[AsyncSession]:
        """A transaction in which these segments are as they were read before. Raises EditError where they are not."""
        async with self._database.session() as session:
            await speakers.lock(session)
            await segments.lock(session, conversation_id)
            now = await rows.copies(session, conversation_id, [segment.id for segment in read])
            if not all(rows.same(now.get(segment.id), segment) for segment in read):
                raise EditError(segment_edits.CHANGED)
            yield session


async def _log(session: AsyncSession, conversation_id: int, description: str, *steps: EditStep) -> ChangeSummary:
    return await change_log.add(session, conversation_id, description, EditRecord(steps=list(steps)))


async def _edit(
    session: AsyncSession,
    conversation_id: int,
    change: ChangeSummary | None,
    present: Sequence[int],
    deleted: Sequence[int] = (),
    notes: Sequence[str] = (),
) -> Edit:
    return Edit(change, await transcript.by_ids(session, conversation_id, present), deleted, notes)
