"""The statements by which texts of segments are changed. The caller holds `lock`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from storage.conversations.conversations import NOT_FOUND
from storage.editing.steps import TextVersion
from storage.postgres.conditions import one_of_large
from storage.tables import Base, Conversation, SegmentRow

SEGMENTS = Base.metadata.tables["segments"]  # a plain table: many rows in one statement


async def lock(session: AsyncSession, conversation_id: int) -> None:
    """Let no other transaction edit, replace or delete the transcript. Raises LookupError where there is no conversation.

    A transaction that also takes `storage.speakers.speakers.lock` takes that one first.
    """
    found = select(Conversation.id).where(Conversation.id == conversation_id).with_for_update(key_share=True)
    if await session.scalar(found) is None:
        raise LookupError(NOT_FOUND)


async def check_conversation(session: AsyncSession, conversation_id: int) -> None:
    """Raises LookupError where there is no conversation."""
    if await session.scalar(select(Conversation.id).where(Conversation.id == conversation_id)) is None:
        raise LookupError(NOT_FOUND)


async def texts(session: AsyncSession, conversation_id: int, segment_ids: Sequence[int]) -> dict[int, TextVersion]:
    """The texts of the segments of a conversation with these ids."""
    columns = (SegmentRow.id, SegmentRow.text, SegmentRow.words, SegmentRow.originals, SegmentRow.edited_at)
    found = select(*columns).where(SegmentRow.conversation_id == conversation_id, one_of_large(SegmentRow.id, segment_ids))
    return {row.id: TextVersion.model_validate(row) for row in await session.execute(found)}


@dataclass(frozen=True, slots=True)
class TimedText:
    """The text of a segment, and its bounds in seconds."""

    version: TextVersion
    start: float
    end: float


async def timed_texts(session: AsyncSession, conversation_id: int, segment_ids: Sequence[int]) -> dict[int, TimedText]:
    """The same with the bounds of the segments."""
    found = select(SegmentRow.id, SegmentRow.start_offset, SegmentRow.end_offset).where(
        SegmentRow.conversation_id == conversation_id, one_of_large(SegmentRow.id, segment_ids)
    )
    versions = await texts(session, conversation_id, segment_ids)
    return {row.id: TimedText(versions[row.id], row[1], row[2]) for row in await session.execute(found)}


async def all_texts(session: AsyncSession, conversation_id: int) -> dict[int, str]:
    """The texts of all segments of a conversation, by id, in order."""
    found = select(SegmentRow.id, SegmentRow.text).where(SegmentRow.conversation_id == conversation_id)
    return {row.id: row.text for row in await session.execute(found.order_by(SegmentRow.position))}


async def set_texts(session: AsyncSession, versions: Mapping[int, TextVersion]) -> None:
    """Give segments, by id, other texts."""
    columns = ("text", "words", "originals", "edited_at")
    change = update(SEGMENTS).where(SEGMENTS.c.id == bindparam("segment"))
    values = [{"segment": id_} | {name: getattr(version, name) for name in columns} for id_, version in versions.items()]
    await session.execute(change.values({name: bindparam(name) for name in columns}), values)


async def mark_edited(session: AsyncSession, edited: Mapping[int, datetime | None]) -> None:
    """Say that segments, by id, were made of what the program wrote in their places, and when."""
    change = update(SEGMENTS).where(SEGMENTS.c.id == bindparam("segment"))
    change = change.values(originals=bindparam("originals"), edited_at=bindparam("edited_at"))
    if edited:
        values = [{"segment": id_, "originals": [id_], "edited_at": moment} for id_, moment in edited.items()]
        await session.execute(change, values)
