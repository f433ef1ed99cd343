"""Pairs of speakers that a person marked as different people."""

from collections.abc import Collection

from sqlalchemy import delete, or_, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from storage.postgres.conditions import one_of
from storage.tables import DistinctSpeakers, Speaker

Pair = tuple[int, int]
"""The lower id first."""


async def add(session: AsyncSession, one: int, other: int) -> None:
    """Record that the two, which must exist and not be the same, are different people."""
    pair = {"lower_id": min(one, other), "higher_id": max(one, other)}
    await session.execute(insert(DistinctSpeakers).values(pair).on_conflict_do_nothing())


async def remove(session: AsyncSession, one: int, other: int) -> None:
    """The two may be one person again."""
    same = DistinctSpeakers.lower_id == min(one, other), DistinctSpeakers.higher_id == max(one, other)
    await session.execute(delete(DistinctSpeakers).where(*same))


async def pairs(session: AsyncSession, speaker_ids: Collection[int]) -> set[frozenset[int]]:
    """Those pairs of which both are among the speakers."""
    ids = sorted(speaker_ids)
    found = select(DistinctSpeakers.lower_id, DistinctSpeakers.higher_id).where(
        one_of(DistinctSpeakers.lower_id, ids), one_of(DistinctSpeakers.higher_id, ids)
    )
    return {frozenset((lower, higher)) for lower, higher in await session.execute(found)}


async def pairs_of(session: AsyncSession, speaker_ids: Collection[int]) -> list[Pair]:
    """Those pairs of which one is among the speakers."""
    ids = sorted(speaker_ids)
    own = or_(one_of(DistinctSpeakers.lower_id, ids), one_of(DistinctSpeakers.higher_id, ids))
    found = select(DistinctSpeakers.lower_id, DistinctSpeakers.higher_id).where(own)
    return [(lower, higher) for lower, higher in await session.execute(found.order_by(*found.selected_columns))]


async def add_all(session: AsyncSession, pairs: Collection[Pair]) -> None:
    """Record those of the pairs of which both speakers exist."""
    ids = sorted({speaker_id for pair in pairs for speaker_id in pair})
    if not ids:
        return
    known = set(await session.scalars(select(Speaker.id).where(one_of(Speaker.id, ids))))
    rows = [{"lower_id": lower, "higher_id": higher} for lower, higher in pairs if {lower, higher} <= known]
    if rows:
        await session.execute(insert(DistinctSpeakers).on_conflict_do_nothing(), rows)


async def remove_all(session: AsyncSession, pairs: Collection[Pair]) -> None:
    columns = tuple_(DistinctSpeakers.lower_id, DistinctSpeakers.higher_id)
    if pairs:
        await session.execute(delete(DistinctSpeakers).where(columns.in_(pairs)))


async def pass_on(session: AsyncSession, source: int, target: int) -> list[Pair]:
    """Copy the pairs of `source` to `target`, which it becomes; returns those that are new."""
    others = {lower + higher - source for lower, higher in await pairs_of(session, [source])} - {target}
    if not others:
        return []
    moved = {(min(other, target), max(other, target)) for other in others}
    new = sorted(moved - set(await pairs_of(session, [target])))
    await add_all(session, new)
    return new
