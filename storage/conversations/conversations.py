"""Conversations: title, times and status. Their segments are in `storage.conversations.segments`."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, case, cast, delete, exists, func, insert, literal, select, text, update
from sqlalchemy.dialects.postgresql import INTERVAL
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.access import LOCAL, Principal
from pipeline.languages import most_spoken_first
from pipeline.types import ConversationSegment, Note
from storage.access.visibility import ownership
from storage.conversations import audio_keys, segments
from storage.emotions import emotions
from storage.postgres.conditions import one_of
from storage.speakers import speakers
from storage.tables import Conversation, ConversationTag, JobRow, ParticipantRow, SegmentRow
from storage.tables.notes import Notes

CHANNEL = "conversation"
"""The PostgreSQL channel on which each change of status is sent; `storage.events.notifications` listens."""

ACTIVE = ("recording", "processing")
UNFINISHED = Conversation.status.in_(ACTIVE)
PROGRESS = (Conversation.id, Conversation.status, Conversation.stage, Conversation.progress, Conversation.error)
"""The columns of `Progress`."""
NOT_FOUND = "Conversation not found"
MAX_ERROR_CHARS = 1000
"""Of a failure's sentence, which is part of a notification: PostgreSQL takes 8,000 bytes, and JSON up to 6 a character."""
CANNOT_DELETE = "Cannot delete an active conversation; stop/finalize it first"


class ConversationBusyError(Exception):
    """The recording is being processed; the operation must wait until that has ended."""


@dataclass(frozen=True, slots=True)
class ConversationSummary:
    """A conversation without its segments. Times are UTC, `duration` is in seconds, `progress` 0 to 1."""

    id: int
    title: str | None
    start_time: datetime
    end_time: datetime | None
    duration: float | None
    status: str
    audio_format: str
    audio_key: str | None
    """Its recording in the `AudioStore`."""
    language: str | None
    stage: str | None
    progress: float
    error: str | None
    num_segments: int
    num_speakers: int
    """Different voices in the segments; two participants that are one speaker count once."""
    owner_id: int | None
    visibility: str
    notes: tuple[Note, ...]
    """What processing left out or changed."""
    languages: Sequence[str] = ()
    """The most spoken first; none until the recording is processed."""
    tags: Sequence[str] = ()
    """In alphabetical order."""
    hotwords: Sequence[str] = ()
    """Those that the transcriber has read."""
    file_name: str | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """`progress` is the fraction of the work that is done, 0 to 1; `error` is the reason of a failure."""

    id: int
    status: str
    stage: str | None
    progress: float
    error: str | None

    @property
    def finished(self) -> bool:
        return self.status not in ACTIVE


@dataclass(frozen=True, slots=True)
class ConversationDetail(ConversationSummary):
    segments: tuple[ConversationSegment, ...] = ()


def summaries() -> Select[Any]:
    """The fields of `ConversationSummary`, in their order."""
    num_segments = select(func.count()).where(SegmentRow.conversation_id == Conversation.id)
    num_speakers = select(func.count(func.coalesce(ParticipantRow.speaker_id, -ParticipantRow.id).distinct())).where(
        ParticipantRow.conversation_id == Conversation.id, exists().where(SegmentRow.participant_id == ParticipantRow.id)
    )
    own_tags = select(ConversationTag.name).where(ConversationTag.conversation_id == Conversation.id)
    counted = {
        "num_segments": num_segments.scalar_subquery(),
        "num_speakers": num_speakers.scalar_subquery(),
        "tags": func.array(own_tags.order_by(ConversationTag.name_key).scalar_subquery()),
    }
    names = (field.name for field in fields(ConversationSummary))
    return select(*(counted[name].label(name) if name in counted else getattr(Conversation, name) for name in names))


async def create(
    session: AsyncSession,
    title: str | None,
    audio_key: str | None,
    audio_format: str,
    status: str = "processing",
    start_time: datetime | None = None,
    creator: Principal = LOCAL,
    notes: Sequence[Note] = (),
    title_source: Literal["person", "default"] = "person",
    file_name: str | None = None,
) -> int:
    """Create a conversation that starts at `start_time` (with a time zone), by default now; returns its id."""
    values = {
        "title": title and title.replace("\0", ""),  # PostgreSQL cannot store this character
        "title_source": "default" if title is None else title_source,
        "file_name": file_name and file_name.replace("\0", ""),
        "audio_key": audio_key,
        "audio_format": audio_format,
        "status": status,
        "start_time": start_time or datetime.now(UTC),
        "notes": tuple(notes),
        **ownership(creator),
    }
    if audio_key is not None:
        await audio_keys.lock(session, audio_key)
    return (await session.execute(insert(Conversation).values(values).returning(Conversation.id))).scalar_one()


async def get(session: AsyncSession, conversation_id: int) -> ConversationDetail | None:
    """The conversation with all its segments, in two queries; None where there is no such conversation."""
    if (found := await summary(session, conversation_id)) is None:
        return None
    content = await segments.of_conversation(session, conversation_id)
    # Counted here: the segments may have changed since the summary was read.
    counts = {"num_segments": len(content), "num_speakers": len({s.speaker_id or -s.participant_id for s in content})}
    stored = {field.name: getattr(found, field.name) for field in fields(found)}
    return ConversationDetail(**stored | counts, segments=tuple(content))


async def summary(session: AsyncSession, conversation_id: int) -> ConversationSummary | None:
    """The conversation without its segments; None where there is no such conversation."""
    row = (await session.execute(summaries().where(Conversation.id == conversation_id))).one_or_none()
    return None if row is None else ConversationSummary(*row)


async def full_text(session: AsyncSession, conversation_id: int) -> str:
    """The whole text, without speakers."""
    texts = select(SegmentRow.text).where(SegmentRow.conversation_id == conversation_id).order_by(SegmentRow.position)
    return " ".join(await session.scalars(texts))


async def progress(session: AsyncSession, conversation_id: int) -> Progress | None:
    """The progress of the work on the conversation; None where there is no such conversation."""
    row = (await session.execute(select(*PROGRESS).where(Conversation.id == conversation_id))).one_or_none()
    return None if row is None else Progress(*row)


async def unfinished_among(session: AsyncSession, ids: Sequence[int]) -> set[int]:
    """Those of the conversations that are being recorded or processed."""
    return set(await session.scalars(select(Conversation.id).where(one_of(Conversation.id, ids), UNFINISHED)))


async def remove(session: AsyncSession, conversation_id: int, *, active: bool = False) -> str | None:
    """Delete the conversation, its segments, and the unknown speakers that appear in no other conversation.

    Returns the key of its recording, which the caller deletes after the commit: a recording without a conversation is better
    than a conversation without its recording. Raises LookupError, and, unless `active`, ConversationBusyError while it is
    being processed or recorded. Work on an active one ends when it next writes.
    """
    await speakers.lock(session)
    if active:  # a worker that reports progress locks its job first, then the conversation
        await session.execute(select(JobRow.id).where(JobRow.conversation_id == conversation_id).with_for_update())
    found = select(Conversation.status, Conversation.audio_key).where(Conversation.id == conversation_id).with_for_update()
    row = (await session.execute(found)).one_or_none()
    if row is None:
        raise LookupError(NOT_FOUND)
    if row.status in ACTIVE and not active:
        raise ConversationBusyError(CANNOT_DELETE)
    own_speakers = select(ParticipantRow.speaker_id).where(
        ParticipantRow.conversation_id == conversation_id, ParticipantRow.speaker_id.is_not(None)
    )
    concerned = sorted(speaker for speaker in set(await session.scalars(own_speakers)) if speaker is not None)
    await session.execute(delete(Conversation).where(Conversation.id == conversation_id))
    for speaker in concerned:
        await emotions.recompute(session, speaker)
    await speakers.delete_orphaned(session, concerned)
    key: str | None = row.audio_key
    return key


async def lock_idle(session: AsyncSession, conversation_id: int) -> str | None:
    """The key of the conversation's recording; no work on it begins until the end of the transaction.

    Raises LookupError where there is no such conversation, ConversationBusyError where it is being processed.
    """
    found = select(Conversation.status, Conversation.audio_key).where(Conversation.id == conversation_id)
    row = (await session.execute(found.with_for_update(key_share=True))).one_or_none()
    if row is None:
        raise LookupError(NOT_FOUND)
    if row.status in ACTIVE:
        raise ConversationBusyError("Conversation is already active")
    key: str | None = row.audio_key
    return key


async def lock_recording(session: AsyncSession, conversation_id: int) -> str:
    """Like `lock_idle`; raises LookupError also where there is no recording."""
    key = await lock_idle(session, conversation_id)
    if key is None:
        raise LookupError(await why_no_recording(session, conversation_id))
    return key


async def recording_key(session: AsyncSession, conversation_id: int) -> str | None:
    """The key of the recording; None where there is none (`why_no_recording`) or no such conversation."""
    return await session.scalar(select(Conversation.audio_key).where(Conversation.id == conversation_id))


async def why_no_recording(session: AsyncSession, conversation_id: int) -> str:
    """A sentence about a conversation that has no recording."""
    removed_at = await session.scalar(select(Conversation.audio_removed_at).where(Conversation.id == conversation_id))
    if removed_at is None:
        return "Audio file not found"
    return f"The recording was removed on {removed_at.astimezone(UTC):%Y-%m-%d} because of its age; its transcript is kept."


async def audio_key(session: AsyncSession, conversation_id: int) -> str:
    """The key of the recording of a conversation that is being processed. Raises LookupError."""
    key = await recording_key(session, conversation_id)
    if key is None:
        raise LookupError("Audio file not found")
    return key


async def reopen(session: AsyncSession, conversation_id: int) -> None:
    """Begin to process a conversation again; its segments stay until they are replaced. Raises as `lock_recording` does."""
    await lock_recording(session, conversation_id)
    await _change(session, [Conversation.id == conversation_id], status="processing", progress=0.0, stage=None, error=None)


async def set_progress(session: AsyncSession, conversation_id: int, stage: str, fraction: float) -> None:
    """Set the stage and the fraction of the work that is done. Changes nothing once the conversation is finished."""
    await _change(session, [Conversation.id == conversation_id, UNFINISHED], stage=stage, progress=min(max(fraction, 0.0), 1.0))


async def complete(
    session: AsyncSession,
    conversation_id: int,
    duration: float,
    language: str | None,
    notes: Sequence[Note] | None = None,
    error: str | None = None,
    *,
    failed: bool = False,
) -> None:
    """Mark the conversation completed, or failed where an `error` left nothing of it. Its segments must be stored.

    Args:
        duration: The length of the recording in seconds.
        language: The main language, None where it is that of most of the segments.
        notes: Replace the notes on the conversation, but those on its stored sound; None keeps all.
        error: Why a part of the recording is missing; a sentence for the user.
        failed: Nothing of a recording that has audio could be processed.

    Raises LookupError.
    """
    end_time = Conversation.start_time + cast(func.make_interval(0, 0, 0, 0, 0, 0, duration), INTERVAL)
    languages = await _languages(session, conversation_id)
    main = language or next(iter(languages), None)
    values: dict[str, object] = {"duration": duration, "end_time": end_time, "language": main, "languages": languages}
    status = "failed" if failed or (error is not None and duration == 0) else "completed"
    values |= {"status": status, "progress": 1.0, "stage": None, "error": error}
    if notes is not None:
        values["notes"] = (*await _sound_notes(session, conversation_id), *notes)
    if not await _change(session, [Conversation.id == conversation_id], **values):
        raise LookupError(f"Conversation {conversation_id} was deleted while its recording was processed.")


async def _languages(session: AsyncSession, conversation_id: int) -> list[str]:
    """Those of the segments, the most spoken first."""
    spoken = select(SegmentRow.language, SegmentRow.end_offset - SegmentRow.start_offset).order_by(SegmentRow.position)
    rows = await session.execute(spoken.where(SegmentRow.conversation_id == conversation_id))
    return most_spoken_first((code, seconds) for code, seconds in rows)


async def refresh_languages(session: AsyncSession, conversation_id: int) -> None:
    """Set the languages again after segments were changed. Where no segment has one they stay."""
    if languages := await _languages(session, conversation_id):
        changed = update(Conversation).where(Conversation.id == conversation_id)
        await session.execute(changed.values(languages=languages))


async def _sound_notes(session: AsyncSession, conversation_id: int) -> list[Note]:
    stored = await session.scalar(select(Conversation.notes).where(Conversation.id == conversation_id))
    return [note for note in stored or () if note.kind == "sound"]


async def set_hotwords(session: AsyncSession, conversation_id: int, hotwords: Sequence[str]) -> None:
    """Store those that the transcriber has read."""
    changed = update(Conversation).where(Conversation.id == conversation_id)
    await session.execute(changed.values(hotwords=list(hotwords)))


async def add_notes(session: AsyncSession, conversation_id: int, notes: Sequence[Note]) -> None:
    """Add notes to those that the conversation has."""
    if notes:
        added = Conversation.notes.op("||")(literal(tuple(notes), Notes))
        await session.execute(update(Conversation).where(Conversation.id == conversation_id).values(notes=added))


async def fail(session: AsyncSession, conversation_id: int, error: str) -> None:
    """Mark an unfinished conversation failed. `error` is a sentence for the user.

    One that was processed before keeps its transcript and is completed: only the reprocessing failed.
    """
    processed = Conversation.end_time.is_not(None)
    values: dict[str, object] = {"status": case((processed, "completed"), else_="failed"), "error": error}
    values |= {
        "stage": case((processed, None), else_=Conversation.stage),
        "progress": case((processed, 1.0), else_=Conversation.progress),
    }
    await _change(session, [Conversation.id == conversation_id, UNFINISHED], **values)


def storable_error(error: str) -> str:
    """The error without NUL, which PostgreSQL refuses; of one that is too long, the beginning with an ellipsis."""
    error = error.replace("\0", "")
    return error if len(error) <= MAX_ERROR_CHARS else f"{error[: MAX_ERROR_CHARS - 1]}…"


async def _change(session: AsyncSession, which: Sequence[ColumnElement[bool]], **values: object) -> int:
    """Change conversations and notify listeners, at the commit; returns the number of changed conversations."""
    if isinstance(error := values.get("error"), str):
        values["error"] = storable_error(error)
    ids = list(await session.scalars(update(Conversation).where(*which).values(values).returning(Conversation.id)))
    message = "json_build_object('id', id, 'status', status, 'stage', stage, 'progress', progress, 'error', error)::text"
    statement = text(f"SELECT pg_notify(:channel, {message}) FROM conversations WHERE id = ANY(:ids)")
    await session.execute(statement, {"channel": CHANNEL, "ids": ids})
    return len(ids)
