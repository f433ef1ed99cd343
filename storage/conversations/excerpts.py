"""Some lines of a conversation, for readers who do not want all of it: an agent's context is small."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, literal, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from storage.conversations.segments import local_name
from storage.tables import Conversation, ParticipantRow, SegmentRow, Speaker


@dataclass(frozen=True, slots=True)
class Line:
    """Who says what, and how it sounds. Offsets are seconds from the start of the recording."""

    id: int
    conversation_id: int
    speaker_id: int | None
    speaker_name: str
    text: str
    start_offset: float
    end_offset: float
    confidence: float | None
    emotion_category: str | None


def columns() -> Select[Any]:
    """The lines as `read` takes them."""
    before = aliased(ParticipantRow)
    index = select(func.count()).where(before.conversation_id == ParticipantRow.conversation_id, before.id < ParticipantRow.id)
    local = case((Speaker.id.is_(None), index.scalar_subquery())).label("local")
    confidence = func.coalesce(SegmentRow.confidence, ParticipantRow.confidence).label("confidence")
    place = (
        SegmentRow.id,
        SegmentRow.conversation_id,
        Speaker.id.label("speaker_id"),
        Speaker.name.label("speaker_name"),
        local,
    )
    said = (SegmentRow.text, SegmentRow.start_offset, SegmentRow.end_offset, confidence, SegmentRow.emotion_category)
    people = select(*place, *said).join(ParticipantRow, SegmentRow.participant_id == ParticipantRow.id)
    return people.outerjoin(Speaker, ParticipantRow.speaker_id == Speaker.id)


def said_at() -> ColumnElement[datetime]:
    """When a line is said; the conversation must be joined."""
    return Conversation.start_time + SegmentRow.start_offset * literal(timedelta(seconds=1))


def read(row: Any) -> dict[str, Any]:
    """The fields of a row of `columns`, in which a voice that nobody knows has the name that its conversation gives it."""
    values = dict(row._mapping)
    local = values.pop("local")
    return values | {"speaker_name": values["speaker_name"] or local_name(local)}


async def page(session: AsyncSession, conversation_id: int, skip: int, limit: int) -> list[Line]:
    """`limit` lines from number `skip` on, in order."""
    found = columns().where(SegmentRow.conversation_id == conversation_id)
    return _lines((await session.execute(found.order_by(SegmentRow.position).offset(skip).limit(limit))).all())


async def latest(session: AsyncSession, conversation_id: int, limit: int) -> list[Line]:
    """The last `limit` lines, in order."""
    found = columns().where(SegmentRow.conversation_id == conversation_id)
    return _lines((await session.execute(found.order_by(SegmentRow.position.desc()).limit(limit))).all())[::-1]


async def after(session: AsyncSession, conversation_id: int, segment_id: int, limit: int) -> list[Line]:
    """The first `limit` lines that were stored after the given one, in order."""
    found = columns().where(SegmentRow.conversation_id == conversation_id, SegmentRow.id > segment_id)
    return _lines((await session.execute(found.order_by(SegmentRow.position).limit(limit))).all())


async def conversation_of(session: AsyncSession, segment_id: int) -> int | None:
    """The conversation that a line belongs to; None where there is no such line."""
    return await session.scalar(select(SegmentRow.conversation_id).where(SegmentRow.id == segment_id))


def _lines(rows: Sequence[Any]) -> list[Line]:
    return [Line(**read(row)) for row in rows]
