"""The queue of segments that wait for the vector of their text.

Triggers add new and changed texts; `add_missing` adds what an archive has from before. A process claims some for a limited
time, embeds them without a transaction, and stores the vectors of those whose text is still the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.types import TextVectors
from storage.postgres.conditions import one_of_large, unlocked
from storage.postgres.local_settings import configure
from storage.tables import SegmentRow, SegmentToEmbed, SegmentVector

CHANNEL = "segments_to_embed"
"""Of the notifications that the triggers send."""
CLAIM_S = 120.0
"""After this time another process may take what a process has claimed, as it may have died."""
_LOCK_NOT_AVAILABLE = "55P03"  # PostgreSQL's error code
LOCK_TIMEOUT = "100ms"
"""Of `add_missing`, which may wait for an edit that waits for it: it gives up before PostgreSQL ends one of the two."""


@dataclass(frozen=True, slots=True)
class Pending:
    segment_id: int
    revision: int
    text: str


async def claim(session: AsyncSession, limit: int) -> Sequence[Pending]:
    """Up to `limit` segments, the newest first, so that live segments do not wait for an archive."""
    due = or_(SegmentToEmbed.claimed_until.is_(None), SegmentToEmbed.claimed_until < func.now())
    newest = select(SegmentToEmbed.segment_id).where(due).order_by(SegmentToEmbed.segment_id.desc()).limit(limit)
    chosen = unlocked(newest)
    claimed = (
        update(SegmentToEmbed)
        .where(SegmentToEmbed.segment_id == chosen.c.segment_id)
        .values(claimed_until=func.now() + timedelta(seconds=CLAIM_S))
        .returning(SegmentToEmbed.segment_id, SegmentToEmbed.revision)
    )
    revisions = {row.segment_id: row.revision for row in await session.execute(claimed)}
    # A statement of its own, which sees each text at its revision or newer. One that is newer is not stored.
    texts = select(SegmentRow.id, SegmentRow.text).where(one_of_large(SegmentRow.id, list(revisions)))
    return [Pending(id_, revisions[id_], text) for id_, text in await session.execute(texts)]


async def store(session: AsyncSession, claimed: Sequence[Pending], found: TextVectors) -> int:
    """Store the vectors of the segments whose text has not changed since they were claimed; returns how many."""
    vectors = {item.segment_id: vector for item, vector in zip(claimed, found.vectors, strict=True)}
    revisions = {item.segment_id: item.revision for item in claimed}
    # Rows that an edit or an erasure has locked are skipped: waiting for them could be a deadlock.
    alive = select(SegmentRow.id).where(one_of_large(SegmentRow.id, list(vectors)))
    ids = list(await session.scalars(alive.with_for_update(key_share=True, skip_locked=True)))
    same = select(SegmentToEmbed.segment_id, SegmentToEmbed.revision).where(one_of_large(SegmentToEmbed.segment_id, ids))
    rows = await session.execute(same.with_for_update(skip_locked=True))
    done = [id_ for id_, revision in rows if revisions[id_] == revision]
    if not done:
        return 0
    await session.execute(delete(SegmentToEmbed).where(one_of_large(SegmentToEmbed.segment_id, done)))
    new = insert(SegmentVector)
    new = new.on_conflict_do_update(
        index_elements=[SegmentVector.segment_id, SegmentVector.model], set_={"vector": new.excluded.vector}
    )
    await session.execute(new, [{"segment_id": id_, "model": found.model, "vector": vectors[id_]} for id_ in done])
    return len(done)


async def release(session: AsyncSession, claimed: Sequence[Pending]) -> None:
    """Let others take what could not be embedded."""
    ids = [item.segment_id for item in claimed]
    await session.execute(update(SegmentToEmbed).where(one_of_large(SegmentToEmbed.segment_id, ids)).values(claimed_until=None))


async def add_missing(session: AsyncSession, model: str, after: int, limit: int) -> int | None:
    """Queue those of the next `limit` segments after this id that have no vector of the model.

    Returns the last id that was looked at; None at the end. Raises an error of the database after `LOCK_TIMEOUT`.
    """
    await configure(session, {"lock_timeout": LOCK_TIMEOUT})
    ids = list(await session.scalars(select(SegmentRow.id).where(SegmentRow.id > after).order_by(SegmentRow.id).limit(limit)))
    if not ids:
        return None
    there = exists().where(SegmentVector.segment_id == SegmentRow.id, SegmentVector.model == model)
    missing = select(SegmentRow.id).where(SegmentRow.id.between(ids[0], ids[-1]), func.btrim(SegmentRow.text) != "", ~there)
    await session.execute(
        insert(SegmentToEmbed).from_select(["segment_id"], missing.order_by(SegmentRow.id)).on_conflict_do_nothing()
    )
    return ids[-1]


async def count(session: AsyncSession) -> int:
    """How many segments wait."""
    return (await session.scalar(select(func.count()).select_from(SegmentToEmbed))) or 0


async def count_with_vectors(session: AsyncSession, model: str) -> int:
    """How many segments wait, or have a vector of the model. Reads an index; 0.4 s for a million."""
    vectors = select(func.count()).select_from(SegmentVector).where(SegmentVector.model == model).scalar_subquery()
    waiting = select(func.count()).select_from(SegmentToEmbed).scalar_subquery()
    return (await session.scalar(select(vectors + waiting))) or 0


async def count_segments(session: AsyncSession) -> int:
    """How many segments there are, also without text. Reads an index."""
    return (await session.scalar(select(func.count(SegmentRow.id)))) or 0


def is_locked(error: Exception) -> bool:
    """Whether `add_missing` failed because of `LOCK_TIMEOUT`."""
    return getattr(getattr(error, "orig", None), "sqlstate", None) == _LOCK_NOT_AVAILABLE
