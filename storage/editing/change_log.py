"""The table `transcript_changes`: changes of a conversation's segments, with the data that undoes and repeats them.

Each conversation has its own history: the changes that hold, then those that are undone. A new change removes the latter.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from storage.change_summary import ChangeSummary
from storage.editing.steps import EditRecord
from storage.postgres.conditions import one_of
from storage.tables import TranscriptChange

MAX_CHANGES = 1000
"""Of one conversation: older ones are removed."""


@dataclass(frozen=True, slots=True)
class LoggedEdit:
    id: int
    record: EditRecord


_SUMMARY = (TranscriptChange.id, TranscriptChange.description, TranscriptChange.created_at, TranscriptChange.undone_at)


async def add(session: AsyncSession, conversation_id: int, description: str, record: EditRecord) -> ChangeSummary:
    """Store a change in place of those that are undone, and delete the oldest beyond `MAX_CHANGES`."""
    own = TranscriptChange.conversation_id == conversation_id
    await session.execute(delete(TranscriptChange).where(own, TranscriptChange.undone_at.is_not(None)))
    steps = await asyncio.to_thread(record.model_dump, mode="json")
    values = {"conversation_id": conversation_id, "description": description, "steps": steps}
    added = (await session.execute(insert(TranscriptChange).values(values).returning(*_SUMMARY))).one()
    kept = select(TranscriptChange.id).where(own).order_by(TranscriptChange.id.desc()).limit(MAX_CHANGES)
    await session.execute(delete(TranscriptChange).where(own, TranscriptChange.id.not_in(kept)))
    return ChangeSummary(*added)


async def latest(session: AsyncSession, conversation_id: int, limit: int) -> list[ChangeSummary]:
    """The newest first."""
    found = select(*_SUMMARY).where(TranscriptChange.conversation_id == conversation_id)
    return [ChangeSummary(*row) for row in await session.execute(found.order_by(TranscriptChange.id.desc()).limit(limit))]


async def last_done(session: AsyncSession, conversation_id: int) -> LoggedEdit | None:
    """The change that an undo takes back; None if there is none.

    Raises pydantic.ValidationError for JSON that this program does not read.
    """
    return await _next(session, conversation_id, TranscriptChange.undone_at.is_(None), TranscriptChange.id.desc())


async def first_undone(session: AsyncSession, conversation_id: int) -> LoggedEdit | None:
    """The change that a redo repeats; None if there is none. Raises as `last_done` does."""
    return await _next(session, conversation_id, TranscriptChange.undone_at.is_not(None), TranscriptChange.id.asc())


async def _next(
    session: AsyncSession, conversation_id: int, state: ColumnElement[bool], order: ColumnElement[int]
) -> LoggedEdit | None:
    found = select(TranscriptChange.id, TranscriptChange.steps).where(
        TranscriptChange.conversation_id == conversation_id, state
    )
    row = (await session.execute(found.order_by(order).limit(1))).one_or_none()
    return None if row is None else LoggedEdit(row.id, await asyncio.to_thread(EditRecord.model_validate, row.steps))


async def mark(session: AsyncSession, change_id: int, record: EditRecord, *, undone: bool) -> ChangeSummary:
    """Say whether a change is undone, and store what repeats or undoes it now."""
    values = {"steps": await asyncio.to_thread(record.model_dump, mode="json"), "undone_at": func.now() if undone else None}
    changed = update(TranscriptChange).where(TranscriptChange.id == change_id).values(values).returning(*_SUMMARY)
    return ChangeSummary(*(await session.execute(changed)).one())


async def clear(session: AsyncSession, conversation_ids: Sequence[int]) -> None:
    """Delete all changes of conversations."""
    await session.execute(delete(TranscriptChange).where(one_of(TranscriptChange.conversation_id, conversation_ids)))
