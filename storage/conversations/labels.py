"""Labels: the true speakers of segments according to listeners. They do not change the transcript."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, exists, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.access import Principal
from pipeline.names import spelling
from storage.access.visibility import in_visible
from storage.tables import Conversation, LabelRow, ParticipantRow, SegmentRow, Speaker

BATCH_ROWS = 1000
"""Labels written in one statement."""


@dataclass(frozen=True, slots=True)
class Label:
    """Times are UTC."""

    segment_id: int
    speaker_name: str
    labeled_by: str | None
    notes: str | None
    labeled_at: datetime


@dataclass(frozen=True, slots=True)
class LabelledSegment:
    """A label beside the speaker in the transcript; times are seconds.

    Without text and words, unlike `ConversationSegment`: an evaluation reads tens of thousands.
    """

    segment_id: int
    conversation_id: int
    participant_id: int
    start: float
    end: float
    truth: str
    speaker_id: int | None
    speaker_name: str | None
    """None where the participant is no known speaker."""


async def put(
    session: AsyncSession,
    conversation_id: int,
    names: Mapping[int, str],
    labeled_by: str | None = None,
    notes: str | None = None,
) -> None:
    """Label segments of a conversation with the names of their true speakers, by id; replaces existing labels.

    Raises LookupError where one of them is no segment of the conversation.
    """
    # Transactions that replace or delete the transcript lock this row exclusively; nothing locks single segments.
    conversation = select(Conversation.id).where(Conversation.id == conversation_id)
    if await session.scalar(conversation.with_for_update(read=True, key_share=True)) is None:
        raise LookupError("Segment not found")
    listener = {"labeled_by": None if labeled_by is None else spelling(labeled_by), "notes": _clean(notes)}
    rows: list[dict[str, Any]] = [
        {"segment_id": id_, "speaker_name": spelling(name), **listener} for id_, name in names.items()
    ]
    for batch in (rows[start : start + BATCH_ROWS] for start in range(0, len(rows), BATCH_ROWS)):
        ids = [row["segment_id"] for row in batch]
        own = select(SegmentRow.id).where(SegmentRow.conversation_id == conversation_id, SegmentRow.id.in_(ids))
        if len((await session.scalars(own)).all()) < len(ids):
            raise LookupError("Segment not found")
        new = insert(LabelRow).values(batch)
        changed = {name: new.excluded[name] for name in ("speaker_name", "labeled_by", "notes")} | {"labeled_at": func.now()}
        await session.execute(new.on_conflict_do_update(index_elements=[LabelRow.segment_id], set_=changed))


async def get(session: AsyncSession, conversation_id: int, segment_id: int) -> Label | None:
    """The segment's label; None where it has none. Raises LookupError where the conversation has no such segment."""
    row = (
        await session.execute(
            select(SegmentRow.id, LabelRow.speaker_name, LabelRow.labeled_by, LabelRow.notes, LabelRow.labeled_at)
            .outerjoin(LabelRow)
            .where(SegmentRow.id == segment_id, SegmentRow.conversation_id == conversation_id)
        )
    ).one_or_none()
    if row is None:
        raise LookupError("Segment not found")
    return None if row.speaker_name is None else Label(*row)


async def remove(session: AsyncSession, conversation_id: int, segment_id: int) -> bool:
    """Delete the label of a segment; False where it has none. Raises LookupError where there is no such segment."""
    had = await get(session, conversation_id, segment_id) is not None
    await session.execute(delete(LabelRow).where(LabelRow.segment_id == segment_id))
    return had


async def of_conversation(session: AsyncSession, conversation_id: int) -> list[Label]:
    """All labels of a conversation, in the order of its segments. Raises LookupError where there is no such conversation."""
    if not await session.scalar(select(exists().where(Conversation.id == conversation_id))):
        raise LookupError("Conversation not found")
    columns = (LabelRow.segment_id, LabelRow.speaker_name, LabelRow.labeled_by, LabelRow.notes, LabelRow.labeled_at)
    of = select(*columns).join(SegmentRow).where(SegmentRow.conversation_id == conversation_id)
    return [Label(*row) for row in await session.execute(of.order_by(SegmentRow.position))]


async def labelled_segments(
    session: AsyncSession, viewer: Principal, conversation_ids: Sequence[int] | None, limit: int
) -> list[LabelledSegment]:
    """The first `limit` labelled segments of the conversations, or of all that the viewer sees, in order."""
    columns = (LabelRow.segment_id, SegmentRow.conversation_id, SegmentRow.participant_id)
    times = (SegmentRow.start_offset, SegmentRow.end_offset)
    found = (
        select(*columns, *times, LabelRow.speaker_name, Speaker.id, Speaker.name)
        .join(SegmentRow, SegmentRow.id == LabelRow.segment_id)
        .join(ParticipantRow, ParticipantRow.id == SegmentRow.participant_id)
        .outerjoin(Speaker, Speaker.id == ParticipantRow.speaker_id)
        .where(*in_visible(viewer, SegmentRow.conversation_id))
        .order_by(SegmentRow.conversation_id, SegmentRow.position)
        .limit(limit)
    )
    if conversation_ids is not None:
        found = found.where(SegmentRow.conversation_id.in_(conversation_ids))
    return [LabelledSegment(*row) for row in await session.execute(found)]


async def restore(session: AsyncSession, labels: Mapping[int, Label]) -> None:
    """Give segments, by id, the labels of the former segments that they stand for."""
    for segment_id, label in labels.items():
        await session.execute(insert(LabelRow).values(asdict(label) | {"segment_id": segment_id}))


def _clean(text: str | None) -> str | None:
    return None if text is None else text.replace("\0", "").strip()
