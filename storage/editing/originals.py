"""The segments as the program wrote them, of those that people changed or deleted."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.types import Word
from storage.postgres.conditions import one_of_large
from storage.tables import Base, OriginalSegment, SegmentRow

_ORIGINALS = Base.metadata.tables["original_segments"]
_COLUMNS = ("id", "conversation_id", "start_offset", "end_offset", "text", "words")


@dataclass(frozen=True, slots=True)
class KeptOriginal:
    """A segment as it was. Offsets are seconds."""

    id: int
    start_offset: float
    end_offset: float
    text: str
    words: tuple[Word, ...] | None


@dataclass(frozen=True, slots=True)
class Original(KeptOriginal):
    segments: list[int]
    """The present segments that were made of it; none where it was deleted."""


async def keep(session: AsyncSession, segment_ids: Sequence[int]) -> None:
    """Keep segments that are about to change, unless they were changed before."""
    own = select(*(getattr(SegmentRow, name) for name in _COLUMNS))
    own = own.where(one_of_large(SegmentRow.id, segment_ids), SegmentRow.originals.is_(None))
    await session.execute(insert(OriginalSegment).from_select(_COLUMNS, own).on_conflict_do_nothing())


async def forget(session: AsyncSession, segment_ids: Sequence[int]) -> None:
    """Remove the originals of segments that are as the program wrote them again."""
    await session.execute(delete(OriginalSegment).where(one_of_large(OriginalSegment.id, segment_ids)))


async def replace(session: AsyncSession, conversation_id: int, kept: Sequence[KeptOriginal]) -> None:
    """Store these originals in place of those that the conversation has."""
    await session.execute(delete(OriginalSegment).where(OriginalSegment.conversation_id == conversation_id))
    rows = [
        {"conversation_id": conversation_id} | {name: getattr(original, name) for name in KeptOriginal.__slots__}
        for original in kept
    ]
    if rows:
        await session.execute(insert(_ORIGINALS), rows)


async def of_conversation(session: AsyncSession, conversation_id: int) -> list[Original]:
    """The originals of all segments that were changed or deleted, in order of time."""
    made = select(SegmentRow.id, func.unnest(SegmentRow.originals).label("original"))
    made_of = made.where(SegmentRow.conversation_id == conversation_id, SegmentRow.originals.is_not(None)).subquery()
    present = func.array_remove(func.array_agg(made_of.c.id), None)
    columns = (OriginalSegment.id, OriginalSegment.start_offset, OriginalSegment.end_offset)
    found = (
        select(*columns, OriginalSegment.text, OriginalSegment.words, present)
        .outerjoin(made_of, made_of.c.original == OriginalSegment.id)
        .where(OriginalSegment.conversation_id == conversation_id)
        .group_by(OriginalSegment.id)
        .order_by(OriginalSegment.start_offset, OriginalSegment.id)
    )
    rows = await session.execute(found)
    return [Original(id_, start, end, text, words, sorted(ids)) for id_, start, end, text, words, ids in rows]
