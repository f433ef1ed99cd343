"""The statements by which whole segments are read, replaced, removed and inserted. The caller holds `segments.lock`."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from storage.conversations import conversations
from storage.editing.steps import LabelCopy, SegmentCopy
from storage.postgres.conditions import one_of_large
from storage.tables import Base, LabelRow, ParticipantRow, SegmentRow
from storage.tables.sequences import next_id

_SEGMENTS, _LABELS = Base.metadata.tables["segments"], Base.metadata.tables["labels"]
_COLUMNS = tuple(name for name in SegmentCopy.model_fields if name != "label")


async def copies(session: AsyncSession, conversation_id: int, segment_ids: Sequence[int]) -> dict[int, SegmentCopy]:
    """Copies of the segments of a conversation, by id."""
    of = (_SEGMENTS.c.conversation_id == conversation_id, one_of_large(_SEGMENTS.c.id, segment_ids))
    rows = await session.execute(select(*(_SEGMENTS.c[name] for name in _COLUMNS)).where(*of))
    labels = await session.execute(select(_LABELS).where(one_of_large(_LABELS.c.segment_id, segment_ids)))
    label_of = {row.segment_id: LabelCopy.model_validate(row) for row in labels}
    return {row.id: SegmentCopy.model_validate({**row._mapping, "label": label_of.get(row.id)}) for row in rows}


async def following(session: AsyncSession, segment: SegmentCopy) -> SegmentCopy | None:
    """The segment after it."""
    after = select(SegmentRow.id).where(
        SegmentRow.conversation_id == segment.conversation_id, SegmentRow.position > segment.position
    )
    found = await session.scalar(after.order_by(SegmentRow.position).limit(1))
    return None if found is None else (await copies(session, segment.conversation_id, [found]))[found]


async def new_id(session: AsyncSession) -> int:
    """An id for a segment that is inserted later."""
    return (await session.execute(select(next_id(SegmentRow)))).scalar_one()


async def speaker_of(session: AsyncSession, participant_ids: Sequence[int]) -> dict[int, int | None]:
    """The speakers of those participants that exist."""
    found = select(ParticipantRow.id, ParticipantRow.speaker_id).where(ParticipantRow.id.in_(participant_ids))
    return {row.id: row.speaker_id for row in await session.execute(found)}


async def replace(session: AsyncSession, former: Mapping[int, SegmentCopy], latter: Mapping[int, SegmentCopy]) -> None:
    """Store the latter segments, by id, in place of the former."""
    gone = [id_ for id_ in former if id_ not in latter]
    await session.execute(delete(_SEGMENTS).where(one_of_large(_SEGMENTS.c.id, gone)))
    for id_, segment in latter.items():
        if id_ in former:
            await session.execute(update(_SEGMENTS).where(_SEGMENTS.c.id == id_).values(_values(segment)))
    added = [segment for id_, segment in latter.items() if id_ not in former]
    if added:
        await session.execute(insert(_SEGMENTS), [_values(segment) for segment in added])
    labelled = [segment.label.model_dump() for segment in added if segment.label is not None]
    if labelled:
        await session.execute(insert(LabelRow), labelled)
    for conversation_id in {segment.conversation_id for segment in [*former.values(), *latter.values()]}:
        await conversations.refresh_languages(session, conversation_id)


def _values(segment: SegmentCopy) -> dict[str, Any]:
    return {name: getattr(segment, name) for name in _COLUMNS}


def same(one: SegmentCopy | None, other: SegmentCopy) -> bool:
    """Whether a segment is as it was. Vectors are not compared: they change with the sound that they are of."""
    return one is not None and all(getattr(one, name) == getattr(other, name) for name in _COLUMNS if "_vector" not in name)
