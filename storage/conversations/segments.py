"""Read the segments of conversations, under the present names of their speakers."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, Subquery, func, literal, null, select
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.identity.matching import is_unknown, probability
from pipeline.names import letters
from pipeline.types import ConversationSegment, Turn
from storage.audio import AudioLocation
from storage.postgres.conditions import one_of_large
from storage.tables import Conversation, ParticipantRow, SegmentRow, Speaker, TurnRow

BATCH_ROWS = 500
"""Rows decoded at a time; some thousand at once would block the event loop."""

_STORED = [
    column
    for field in fields(ConversationSegment)
    if field.name != "confidence" and (column := SegmentRow.__table__.columns.get(field.name)) is not None
]


def local_name(index: int) -> str:
    """The name of participant number `index` (from 0) of a conversation who is no known speaker: `Unknown_A`, `Unknown_B`, …

    Letters, because `Unknown_01` is a speaker that other conversations may share; these names are local to one conversation.
    """
    return f"Unknown_{letters(index)}"


async def audio_location(session: AsyncSession, segment_id: int) -> AudioLocation | None:
    """None where the segment does not exist or its conversation has no recording."""
    columns = (Conversation.audio_key, SegmentRow.start_offset, SegmentRow.end_offset, SegmentRow.channel)
    found = select(*columns).join(Conversation, SegmentRow.conversation_id == Conversation.id)
    row = (await session.execute(found.where(SegmentRow.id == segment_id))).one_or_none()
    return None if row is None or row[0] is None else AudioLocation(row[0], row[1], row[2], row[3] and row[3] - 1)


async def conversation_of(session: AsyncSession, segment_id: int) -> int | None:
    """The conversation that a segment belongs to; None where the segment does not exist."""
    return await session.scalar(select(SegmentRow.conversation_id).where(SegmentRow.id == segment_id))


def spoken_at() -> ColumnElement[datetime]:
    """The time at which a segment starts; the statement must join the conversation."""
    return Conversation.start_time + SegmentRow.start_offset * literal(timedelta(seconds=1))


async def of_conversation(session: AsyncSession, conversation_id: int) -> list[ConversationSegment]:
    """All segments of a conversation, in order, in one query."""
    return await _read(session, _of_conversation(conversation_id).order_by(SegmentRow.position))


async def page(
    session: AsyncSession, conversation_id: int, skip: int, limit: int, *, words: bool = True
) -> list[ConversationSegment]:
    """`limit` segments from number `skip` on, in order; without `words` theirs are not read."""
    # The page first: PostgreSQL would join and read the segments that are skipped, too.
    ids = select(SegmentRow.id).where(SegmentRow.conversation_id == conversation_id).order_by(SegmentRow.position)
    found = _of_conversation(conversation_id, words=words).where(SegmentRow.id.in_(ids.offset(skip).limit(limit)))
    return await _read(session, found.order_by(SegmentRow.position))


async def count(session: AsyncSession, conversation_id: int) -> int:
    """How many segments the conversation has."""
    found = select(func.count()).select_from(SegmentRow).where(SegmentRow.conversation_id == conversation_id)
    return (await session.execute(found)).scalar_one()


async def latest(session: AsyncSession, conversation_id: int, limit: int) -> list[ConversationSegment]:
    """The last `limit` segments, in order."""
    found = _of_conversation(conversation_id).order_by(SegmentRow.position.desc()).limit(limit)
    return (await _read(session, found))[::-1]


async def after(session: AsyncSession, conversation_id: int, segment_id: int, limit: int) -> list[ConversationSegment]:
    """The first `limit` segments that were stored after the given one, in order."""
    found = _of_conversation(conversation_id).where(SegmentRow.id > segment_id)
    return await _read(session, found.order_by(SegmentRow.position).limit(limit))


async def by_ids(session: AsyncSession, conversation_id: int, ids: Sequence[int]) -> list[ConversationSegment]:
    """The segments of a conversation with these ids, in the order of the recording."""
    return await _read(session, _of_conversation(conversation_id).where(SegmentRow.id.in_(ids)).order_by(SegmentRow.position))


async def turns_of_conversation(session: AsyncSession, conversation_id: int) -> list[Turn]:
    """The diarizer's turns, overlaps included, under the present names of the speakers."""
    people = _participants(ParticipantRow.conversation_id == conversation_id)
    found = select(TurnRow.start, TurnRow.end, people.c.name, people.c.place).join(
        people, people.c.id == TurnRow.participant_id
    )
    rows = await session.execute(found.where(TurnRow.conversation_id == conversation_id).order_by(TurnRow.start))
    return [Turn(start, end, name or local_name(place)) for start, end, name, place in rows]


async def starts(session: AsyncSession, conversation_id: int, ids: Sequence[int]) -> dict[int, float]:
    """When those of the segments begin that exist in the conversation, in seconds, by their ids."""
    found = select(SegmentRow.id, SegmentRow.start_offset).where(SegmentRow.conversation_id == conversation_id)
    rows = await session.execute(found.where(one_of_large(SegmentRow.id, ids)))
    return {row.id: row.start_offset for row in rows}


async def names(session: AsyncSession, conversation_id: int) -> dict[int, str]:
    """The present names of the participants, by their ids."""
    people = _participants(ParticipantRow.conversation_id == conversation_id)
    rows = await session.execute(select(people.c.id, people.c.name, people.c.place))
    return {id_: name or local_name(place) for id_, name, place in rows}


def select_segments(participants: ColumnElement[bool], *, words: bool = True) -> Select[Any]:
    """The columns that `values_of` reads, of the segments of those participants that fulfil the condition.

    Without `words` theirs are null. The condition must select all participants of a conversation or none: their order gives
    the unknown ones their names.
    """
    people = _participants(participants)
    confidence = func.coalesce(SegmentRow.confidence, people.c.confidence).label("confidence")
    columns = (people.c.speaker_id, people.c.name, people.c.model, people.c.place, Conversation.start_time.label("started"))
    stored = [column if words or column.name != "words" else null().label("words") for column in _STORED]
    return (
        select(*stored, confidence, *columns)
        .join(people, people.c.id == SegmentRow.participant_id)
        .join(Conversation, Conversation.id == SegmentRow.conversation_id)
    )


def values_of(row: dict[str, Any]) -> dict[str, Any]:
    """The fields of `ConversationSegment` from a row of `select_segments`, as a mapping."""
    name, model, place, started = (row.pop(key) for key in ("name", "model", "place", "started"))
    similarity = row["confidence"]
    return row | {
        "speaker_name": name or local_name(place),
        "is_known": name is not None and not is_unknown(name),
        "speaker_probability": None if similarity is None or model is None else probability(similarity, model),
        "start_time": started + timedelta(seconds=row["start_offset"]),
        "end_time": started + timedelta(seconds=row["end_offset"]),
    }


def _of_conversation(conversation_id: int, *, words: bool = True) -> Select[Any]:
    return select_segments(ParticipantRow.conversation_id == conversation_id, words=words).where(
        SegmentRow.conversation_id == conversation_id
    )


def _participants(condition: ColumnElement[bool]) -> Subquery:
    """Participants with their speakers' names, and with their place among the participants of their conversation.

    Read in the statement that reads the segments: two statements could see different states of the database.
    """
    place = func.row_number().over(partition_by=ParticipantRow.conversation_id, order_by=ParticipantRow.id) - 1
    columns = (ParticipantRow.id, ParticipantRow.speaker_id, Speaker.name, ParticipantRow.confidence, ParticipantRow.model)
    return (
        select(*columns, place.label("place"))
        .outerjoin(Speaker, Speaker.id == ParticipantRow.speaker_id)
        .where(condition)
        .subquery()
    )


async def _read(session: AsyncSession, statement: Select[Any]) -> list[ConversationSegment]:
    rows = await session.stream(statement, execution_options={"yield_per": BATCH_ROWS})
    names = list(rows.keys())
    found: list[ConversationSegment] = []
    async for batch in rows.partitions():
        found += [ConversationSegment(**values_of(dict(zip(names, row, strict=True)))) for row in batch]
    return found
