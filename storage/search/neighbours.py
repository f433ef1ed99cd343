"""The segments before and after others, which say what those are about."""

from collections.abc import Sequence
from decimal import Decimal

from sqlalchemy import select, true
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from storage.postgres.conditions import one_of_large
from storage.tables import SegmentRow


async def around(session: AsyncSession, ids: Sequence[int], distance: int) -> dict[int, list[int]]:
    """For each segment its id with those of `distance` segments before and after it in its conversation, in order."""
    middle = aliased(SegmentRow)
    own = SegmentRow.conversation_id == middle.conversation_id
    columns = (SegmentRow.id, SegmentRow.position)
    before = select(*columns).where(own, SegmentRow.position <= middle.position).order_by(SegmentRow.position.desc())
    after = select(*columns).where(own, SegmentRow.position > middle.position).order_by(SegmentRow.position)
    found: list[tuple[int, Decimal, int]] = []
    for side, limit in ((before, distance + 1), (after, distance)):
        near = side.limit(limit).lateral()
        rows = await session.execute(
            select(middle.id, near.c.position, near.c.id).join(near, true()).where(one_of_large(middle.id, ids))
        )
        found += [(row[0], row[1], row[2]) for row in rows]
    near_to: dict[int, list[int]] = {}
    for id_, _, neighbour in sorted(found):
        near_to.setdefault(id_, []).append(neighbour)
    return near_to
