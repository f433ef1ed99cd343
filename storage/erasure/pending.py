"""The table `pending_removals`: files and freed space to remove once a transaction that deleted rows is committed."""

from collections.abc import Sequence

from sqlalchemy import delete, func, insert, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession

from storage.tables import PendingRemoval


async def add_file(session: AsyncSession, key: str) -> None:
    """Have a recording removed from the audio store after the commit."""
    await session.execute(postgresql.insert(PendingRemoval).values(kind="file", key=key).on_conflict_do_nothing())


async def add_space(session: AsyncSession) -> None:
    """Have the space of deleted rows removed from the tables after the commit."""
    await session.execute(insert(PendingRemoval).values(kind="space"))


async def files(session: AsyncSession, limit: int) -> Sequence[str]:
    """The keys of recordings that are still to be removed, the oldest first."""
    found = select(PendingRemoval.key).where(PendingRemoval.kind == "file").order_by(PendingRemoval.id).limit(limit)
    return [key for key in await session.scalars(found) if key is not None]


async def file_removed(session: AsyncSession, key: str) -> None:
    """The recording is removed from the audio store."""
    await session.execute(delete(PendingRemoval).where(PendingRemoval.key == key))


async def last_space(session: AsyncSession) -> int | None:
    """The last request to remove space; None where there is none."""
    return await session.scalar(select(func.max(PendingRemoval.id)).where(PendingRemoval.kind == "space"))


async def space_removed(session: AsyncSession, up_to: int) -> None:
    """The requests up to this one are carried out."""
    done = (PendingRemoval.kind == "space", PendingRemoval.id <= up_to)
    await session.execute(delete(PendingRemoval).where(*done))
