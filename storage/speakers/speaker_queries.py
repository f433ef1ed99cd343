"""Looking speakers up: by page, by what somebody calls them, and by where they are heard."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from storage.speakers.speakers import UNKNOWN
from storage.tables import Conversation, ParticipantRow, SegmentRow, Speaker

SIMILAR = 5


class NoSuchNameError(LookupError):
    """No speaker has this name; says who has one like it."""

    def __init__(self, name: str, similar: Sequence[str]) -> None:
        like = f" Perhaps you mean {' or '.join(similar)}." if similar else ""
        super().__init__(f"There is no speaker '{name}'.{like}")


@dataclass(frozen=True, slots=True)
class Entry:
    id: int
    name: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Appearance:
    """A conversation that a speaker is heard in."""

    conversation_id: int
    title: str | None
    start_time: datetime
    duration: float | None
    audio_key: str | None
    total_segments: int
    speaker_segments: int


async def page(session: AsyncSession, part: str, skip: int, limit: int) -> tuple[list[Entry], int]:
    """Speakers whose names hold `part`, in any letter case, and how many there are; those whom somebody named come first."""
    holds = func.strpos(func.lower(Speaker.name), func.lower(part)) > 0
    columns = [getattr(Speaker, name) for name in Entry.__dataclass_fields__]
    found = select(*columns).where(holds).order_by(Speaker.name.regexp_match(UNKNOWN), Speaker.name)
    rows = await session.execute(found.offset(skip).limit(limit))
    total = select(func.count()).select_from(Speaker).where(holds)
    return [Entry(*row) for row in rows], (await session.execute(total)).scalar_one()


async def resolve(session: AsyncSession, name: str) -> tuple[int, str]:
    """The speaker whom somebody calls `name`, and the name as it is written: letter case decides only between two.

    Raises NoSuchNameError.
    """
    rows = (await session.execute(select(Speaker.id, Speaker.name).where(func.lower(Speaker.name) == func.lower(name)))).all()
    exact = [row for row in rows if row.name == name]
    if len(exact or rows) == 1:
        id_, written = (exact or rows)[0]
        return id_, written
    similar, _ = await page(session, name, 0, SIMILAR)
    raise NoSuchNameError(name, [entry.name for entry in similar])


def heard_in(speaker_id: int) -> Select[Any]:
    """The ids of the conversations in which the speaker says something."""
    speaks = exists().where(SegmentRow.participant_id == ParticipantRow.id)
    return select(ParticipantRow.conversation_id).where(ParticipantRow.speaker_id == speaker_id, speaks).distinct()


async def appearances(session: AsyncSession, speaker_id: int, skip: int, limit: int) -> tuple[list[Appearance], int]:
    """Conversations in which the speaker says something, from the newest on, and how many there are."""
    mine = heard_in(speaker_id)
    total = (await session.execute(select(func.count()).select_from(mine.subquery()))).scalar_one()
    stored = (Conversation.id, Conversation.title, Conversation.start_time, Conversation.duration, Conversation.audio_key)
    lines = select(func.count()).select_from(SegmentRow).where(SegmentRow.conversation_id == Conversation.id)
    own = SegmentRow.participant_id.in_(select(ParticipantRow.id).where(ParticipantRow.speaker_id == speaker_id))
    counted = lines.scalar_subquery(), lines.where(own).scalar_subquery()
    found = select(*stored, *counted).where(Conversation.id.in_(mine))
    newest = found.order_by(Conversation.start_time.desc(), Conversation.id.desc()).offset(skip).limit(limit)
    return [Appearance(*row) for row in await session.execute(newest)], total
