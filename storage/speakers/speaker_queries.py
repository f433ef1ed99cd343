"""Queries about speakers: a page of them, the speaker of a name, and the conversations in which one speaks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.access import Principal
from storage.access.visibility import in_visible
from storage.speakers.speakers import UNKNOWN
from storage.tables import Conversation, ParticipantRow, SegmentRow, Speaker, VoiceRow, spoken_by
from storage.tables.names import key_of

MAX_SIMILAR_NAMES = 5
"""Names that an error suggests."""


class NoSuchNameError(LookupError):
    """No speaker has this name; the message suggests similar names."""

    def __init__(self, name: str, similar: Sequence[str]) -> None:
        like = f" Perhaps you mean {' or '.join(similar)}." if similar else ""
        super().__init__(f"There is no speaker '{name}'.{like}")


@dataclass(frozen=True, slots=True)
class SpeakerEntry:
    id: int
    name: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Appearance:
    """A conversation in which a speaker speaks."""

    conversation_id: int
    title: str | None
    start_time: datetime
    duration: float | None
    audio_key: str | None
    total_segments: int
    speaker_segments: int


async def page(session: AsyncSession, part: str, skip: int, limit: int) -> tuple[list[SpeakerEntry], int]:
    """Speakers with `part` in their names, in any spelling, and their number; those with a given name come first."""
    holds = func.strpos(Speaker.name_key, key_of(part)) > 0
    columns = [getattr(Speaker, name) for name in SpeakerEntry.__dataclass_fields__]
    found = select(*columns).where(holds).order_by(Speaker.name.regexp_match(UNKNOWN), Speaker.name)
    rows = await session.execute(found.offset(skip).limit(limit))
    total = select(func.count()).select_from(Speaker).where(holds)
    return [SpeakerEntry(*row) for row in rows], (await session.execute(total)).scalar_one()


async def resolve(session: AsyncSession, name: str) -> tuple[int, str]:
    """The speaker of a name, in any spelling, and the name as it is stored. Raises NoSuchNameError."""
    found = select(Speaker.id, Speaker.name).where(Speaker.name_key == key_of(name))
    if (row := (await session.execute(found)).one_or_none()) is not None:
        return row.id, row.name
    similar, _ = await page(session, name, 0, MAX_SIMILAR_NAMES)
    raise NoSuchNameError(name, [entry.name for entry in similar])


async def called(session: AsyncSession, name: str) -> tuple[int, str] | None:
    """The speaker of a name, or the only one whose name begins with it, such as a first name, and the name as it is stored."""
    key, columns = key_of(name), select(Speaker.id, Speaker.name)
    for same in (Speaker.name_key == key, func.starts_with(Speaker.name_key, key + " ")):
        rows = (await session.execute(columns.where(same).limit(2))).all()
        if len(rows) == 1:
            return rows[0].id, rows[0].name
    return None


def conversations_with(viewer: Principal, speaker_id: int) -> Select[Any]:
    """The ids of the conversations that the viewer sees and in which the speaker has segments."""
    speaks = exists().where(SegmentRow.participant_id == ParticipantRow.id)
    seen = in_visible(viewer, ParticipantRow.conversation_id)
    return select(ParticipantRow.conversation_id).where(spoken_by(VoiceRow.speaker_id == speaker_id), speaks, *seen).distinct()


async def appearances(
    session: AsyncSession, viewer: Principal, speaker_id: int, skip: int, limit: int
) -> tuple[list[Appearance], int]:
    """Conversations that the viewer sees and in which the speaker has segments, the newest first, and their number."""
    mine = conversations_with(viewer, speaker_id)
    total = (await session.execute(select(func.count()).select_from(mine.subquery()))).scalar_one()
    stored = (Conversation.id, Conversation.title, Conversation.start_time, Conversation.duration, Conversation.audio_key)
    segments = select(func.count()).select_from(SegmentRow).where(SegmentRow.conversation_id == Conversation.id)
    own = SegmentRow.participant_id.in_(select(ParticipantRow.id).where(spoken_by(VoiceRow.speaker_id == speaker_id)))
    counted = segments.scalar_subquery(), segments.where(own).scalar_subquery()
    found = select(*stored, *counted).where(Conversation.id.in_(mine))
    newest = found.order_by(Conversation.start_time.desc(), Conversation.id.desc()).offset(skip).limit(limit)
    return [Appearance(*row) for row in await session.execute(newest)], total
