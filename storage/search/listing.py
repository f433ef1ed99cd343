"""The list of conversations, newest first, with filters."""

import re
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, DateTime, Text, all_, exists, func, literal, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.access import Principal
from storage.access.visibility import visible_to
from storage.conversations.conversations import ConversationSummary, summaries
from storage.postgres.conditions import one_of
from storage.search import search
from storage.search.cursors import LARGEST_ID, Cursor
from storage.tables import Conversation, ConversationTag, ParticipantRow, SegmentRow, Speaker, VoiceRow
from storage.tables.names import key_of

_NEWEST = (Conversation.start_time.desc(), Conversation.id.desc())
_SPECIAL = re.compile(r"([\\%_])")
"""Characters that LIKE does not take literally."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Conditions that a conversation fulfils, all of them. None or nothing is no condition."""

    text: str = ""
    """In the syntax of the search: a segment matches, or all words, also as parts of words, are in the title."""
    title: str = ""
    """All words, also as parts of words, are in the title."""
    tags: Sequence[str] = ()
    """It has all of them, in any spelling."""
    speakers: Sequence[str] = ()
    """All of them speak; ids, or names in any spelling."""
    emotion: str | None = None
    """A segment has it."""
    since: datetime | None = None
    """It starts at this time or later."""
    until: datetime | None = None
    """It starts before this time."""
    min_duration: float | None = None
    """Seconds."""
    max_duration: float | None = None
    status: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    items: Sequence[ConversationSummary]
    total: int
    """All that fulfil the filters."""
    following: Cursor | None
    """Where the next page begins; None at the end."""


async def list_page(
    session: AsyncSession,
    viewer: Principal,
    filters: Filters = Filters(),  # immutable
    *,
    skip: int = 0,
    limit: int = 100,
    after: Cursor | None = None,
) -> Page:
    """Conversations that the viewer sees, newest first: `limit` of those after the cursor, without the first `skip`.

    Raises SearchError where the words are too frequent.
    """
    async with AsyncExitStack() as stack:
        if filters.text.strip():
            await stack.enter_async_context(search.in_time(session))
        which = [
            *visible_to(viewer),
            *_conditions(filters),
            *await _title(session, filters.title),
            *await _text(session, filters.text),
        ]
        page, total = select(Conversation.id).where(*which), select(func.count()).select_from(Conversation).where(*which)
        if after is not None:
            last = literal(after.start_time, DateTime(timezone=True)), literal(after.id)
            page = page.where(tuple_(Conversation.start_time, Conversation.id) < tuple_(*last))
        # The page first, then its counts: PostgreSQL would count the segments of skipped conversations, too.
        ids = page.order_by(*_NEWEST).offset(skip).limit(limit + 1).scalar_subquery()
        rows = (await session.execute(summaries().where(Conversation.id.in_(ids)).order_by(*_NEWEST))).all()
        number = (await session.execute(total)).scalar_one()
    items = [ConversationSummary(*row) for row in rows[:limit]]
    return Page(items, number, Cursor(items[-1].start_time, items[-1].id) if len(rows) > limit else None)


def _conditions(filters: Filters) -> list[ColumnElement[bool]]:
    """All but the text."""
    found = [*map(_has_tag, filters.tags), *map(_has_speaker, filters.speakers)]
    if filters.emotion is not None:
        of_emotion = SegmentRow.emotion_category == filters.emotion
        found.append(exists().where(SegmentRow.conversation_id == Conversation.id, of_emotion))
    if filters.since is not None:
        found.append(Conversation.start_time >= filters.since)
    if filters.until is not None:
        found.append(Conversation.start_time < filters.until)
    if filters.min_duration is not None:
        found.append(Conversation.duration >= filters.min_duration)
    if filters.max_duration is not None:
        found.append(Conversation.duration <= filters.max_duration)
    if filters.status is not None:
        found.append(Conversation.status == filters.status)
    return found


def _has_tag(tag: str) -> ColumnElement[bool]:
    tagged = select(ConversationTag.conversation_id).where(ConversationTag.name_key == key_of(tag))
    return Conversation.id.in_(tagged)


def _has_speaker(given: str) -> ColumnElement[bool]:
    id_ = int(given) if given.isdecimal() and given.isascii() and len(given) <= len(str(LARGEST_ID)) else 0
    meant = Speaker.name_key == key_of(given)
    if 0 < id_ <= LARGEST_ID:
        meant = or_(Speaker.id == id_, meant)
    speaks = exists().where(SegmentRow.participant_id == ParticipantRow.id)
    voices = select(VoiceRow.id).join(Speaker, Speaker.id == VoiceRow.speaker_id).where(meant)
    return Conversation.id.in_(select(ParticipantRow.conversation_id).where(ParticipantRow.voice_id.in_(voices), speaks))


async def _text(session: AsyncSession, text: str) -> list[ColumnElement[bool]]:
    """The words are looked up once, for the page and for the number of conversations."""
    text = _storable(text)
    if not text.strip():
        return []
    spoken = one_of(Conversation.id, await search.conversations_with(session, text))
    return [or_(spoken, *await _title(session, text))]


async def _title(session: AsyncSession, text: str) -> list[ColumnElement[bool]]:
    words = ((await session.scalar(select(key_of(_storable(text))))) or "").replace('"', " ").split() if text.strip() else []
    patterns: Any = literal(["%" + _SPECIAL.sub(r"\\\1", word) + "%" for word in words], ARRAY(Text))
    named = key_of(Conversation.file_name).like(all_(patterns))  # a title that the program wrote replaces the file's name
    return [or_(Conversation.title_key.like(all_(patterns)), named)] if words else []


def _storable(text: str) -> str:
    """What PostgreSQL takes of it."""
    return text[: search.MAX_QUERY_CHARACTERS].replace("\0", " ").encode(errors="ignore").decode()
