"""The table `identity_changes`: changes of speakers by users, with the data that undoes them."""

from dataclasses import dataclass

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from storage.change_summary import ChangeSummary
from storage.speakers.change_steps import ChangeRecord
from storage.tables import IdentityChange

MAX_CHANGES = 1000
"""Changes that can be undone. Undone changes stay without limit: the program must not repeat their merges by itself."""


@dataclass(frozen=True, slots=True)
class LoggedChange:
    id: int
    record: ChangeRecord


SUMMARY = (IdentityChange.id, IdentityChange.description, IdentityChange.created_at, IdentityChange.undone_at)


async def add(session: AsyncSession, description: str, record: ChangeRecord) -> None:
    """Store a change, and delete the oldest beyond `MAX_CHANGES`."""
    values = {"description": description, "before": record.model_dump(mode="json", by_alias=True)}
    added = (await session.execute(insert(IdentityChange).values(values).returning(IdentityChange.id))).scalar_one()
    old = (IdentityChange.id <= added - MAX_CHANGES, IdentityChange.undone_at.is_(None))
    await session.execute(delete(IdentityChange).where(*old))


async def latest(session: AsyncSession, limit: int) -> list[ChangeSummary]:
    """The newest first."""
    found = select(*SUMMARY).order_by(IdentityChange.id.desc()).limit(limit)
    return [ChangeSummary(*row) for row in await session.execute(found)]


async def last_undoable(session: AsyncSession) -> LoggedChange | None:
    """The last change that is not undone; None if there is none.

    Raises pydantic.ValidationError for JSON that this program does not read.
    """
    found = select(IdentityChange.id, IdentityChange.before).where(IdentityChange.undone_at.is_(None))
    row = (await session.execute(found.order_by(IdentityChange.id.desc()).limit(1))).one_or_none()
    return None if row is None else LoggedChange(row.id, ChangeRecord.model_validate(row.before))


async def mark_undone(session: AsyncSession, change_id: int) -> ChangeSummary:
    undone = update(IdentityChange).where(IdentityChange.id == change_id).values(undone_at=func.now())
    return ChangeSummary(*(await session.execute(undone.returning(*SUMMARY))).one())


async def undone_merges(session: AsyncSession) -> set[frozenset[int]]:
    """Pairs of speakers with an undone merge."""
    undone = select(IdentityChange.before["merged"]).where(IdentityChange.undone_at.is_not(None))
    return {frozenset(pair) for merged in await session.scalars(undone) for pair in merged or ()}


async def clear(session: AsyncSession) -> int:
    """Delete all changes: what they refer to is about to be replaced. Returns how many could be undone."""
    deleted = await session.scalars(delete(IdentityChange).returning(IdentityChange.undone_at))
    return sum(undone_at is None for undone_at in deleted)
