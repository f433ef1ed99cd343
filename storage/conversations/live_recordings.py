"""Conversations that are being recorded: create one, find it again, and store its segments one at a time."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.access import LOCAL, Principal
from pipeline.decoding import PLAIN, Decoding
from pipeline.types import Segment
from storage.access.visibility import ownership, visible_to
from storage.conversations import audio_keys
from storage.conversations.transcripts import segment_values
from storage.postgres.conditions import one_of
from storage.tables import Conversation, SegmentRow, TurnRow

RECORDING = "recording"


@dataclass(frozen=True, slots=True)
class Recording:
    """A conversation that is being recorded."""

    id: int
    status: str
    language: str | None
    """The language spoken, where the client that began the recording named it."""
    stored_s: float
    """Seconds up to which segments are stored."""
    decoding: Decoding = PLAIN
    hotwords: Sequence[str] = ()
    """Those that the transcriber has read so far."""
    audio_key: str | None = None
    """Its recording in the `AudioStore`, once it is finished."""


@dataclass(frozen=True, slots=True)
class Resumable:
    """A conversation that is being recorded and can be resumed."""

    uuid: UUID
    """The name of its file."""
    token_hash: bytes
    """SHA-256 of the token that its client must present."""


async def begin(
    session: AsyncSession,
    uuid: UUID,
    title: str | None,
    audio_format: str,
    language: str | None,
    resume_token_hash: bytes | None = None,
    creator: Principal = LOCAL,
    decoding: Decoding = PLAIN,
    hotwords: Sequence[str] = (),
) -> int:
    """Create a conversation that is recorded from now on, under the name that its file has, too; returns its id.

    Without `resume_token_hash` it cannot be resumed.
    """
    now = datetime.now(UTC)
    values = {
        "uuid": uuid,
        "title": f"Live Recording {now:%Y-%m-%d %H:%M}" if not title else title.replace("\0", ""),
        "title_source": "person" if title else "default",
        "start_time": now,
        "status": RECORDING,
        "audio_format": audio_format,
        "language": language,
        "live_decoding": decoding,
        "hotwords": list(hotwords),
        "resume_token_hash": resume_token_hash,
        **ownership(creator),
    }
    return (await session.execute(insert(Conversation).values(values).returning(Conversation.id))).scalar_one()


async def find(session: AsyncSession, uuid: UUID) -> Recording | None:
    """The conversation of the recording with this name."""
    stored_s = select(func.coalesce(func.max(SegmentRow.end_offset), 0.0)).where(SegmentRow.conversation_id == Conversation.id)
    columns = (
        Conversation.id,
        Conversation.status,
        Conversation.language,
        Conversation.live_decoding,
        Conversation.hotwords,
        Conversation.audio_key,
    )
    found = select(*columns, stored_s.scalar_subquery()).where(Conversation.uuid == uuid)
    row = (await session.execute(found)).one_or_none()
    if row is None:
        return None
    id_, status, language, decoding, hotwords, audio_key, stored = row
    return Recording(id_, status, language, stored, decoding or PLAIN, tuple(hotwords), audio_key)


async def resumable(session: AsyncSession, viewer: Principal, conversation_id: int) -> Resumable | None:
    """The conversation with this id, if it is being recorded, can be resumed, and belongs to the viewer.

    Others cannot go on with it, administrators and those whom it is shared with included: the browser of the owner, in which
    another person has logged in, has the token, too.
    """
    columns = Conversation.uuid, Conversation.resume_token_hash
    found = select(*columns).where(Conversation.id == conversation_id, Conversation.status == RECORDING)
    own = Conversation.owner_id == viewer.person_id, *visible_to(viewer)
    row = (await session.execute(found.where(*own))).one_or_none()
    if row is None or row.resume_token_hash is None:
        return None
    return Resumable(row.uuid, row.resume_token_hash)


async def existing(session: AsyncSession, conversation_ids: Collection[int]) -> set[int]:
    """Those of the conversations that are stored."""
    return set(await session.scalars(select(Conversation.id).where(one_of(Conversation.id, sorted(conversation_ids)))))


async def lock_recording(session: AsyncSession, conversation_id: int) -> None:
    """Keep the conversation from being finished or deleted until the end of the transaction.

    Raises LookupError where it is not being recorded any more.
    """
    found = select(Conversation.id).where(Conversation.id == conversation_id, Conversation.status == RECORDING)
    if await session.scalar(found.with_for_update(key_share=True)) is None:
        raise LookupError(f"Conversation {conversation_id} is not being recorded any more; start a new one.")


async def set_audio(session: AsyncSession, conversation_id: int, audio_key: str | None) -> None:
    """Store the key of the finished recording in the audio store, None where there is no sound in it. It ends resumption."""
    if audio_key is not None:
        await audio_keys.lock(session, audio_key)
    values = {"audio_key": audio_key, "resume_token_hash": None, "live_decoding": None}
    await session.execute(update(Conversation).where(Conversation.id == conversation_id).values(values))


async def add_segment(session: AsyncSession, conversation_id: int, participant_id: int, segment: Segment) -> int:
    """Store a segment after those that are there; returns its id."""
    of_conversation = SegmentRow.conversation_id == conversation_id
    position = await session.scalar(select(func.coalesce(func.max(SegmentRow.position) + 1, 0)).where(of_conversation))
    place = {"conversation_id": conversation_id, "participant_id": participant_id}
    values = place | {"position": position} | segment_values(segment)
    id_ = (await session.execute(insert(SegmentRow).values(values).returning(SegmentRow.id))).scalar_one()
    # The segments are the turns until a diarizer has processed the whole recording.
    await session.execute(insert(TurnRow).values(place | {"start": segment.start, "end": segment.end}))
    return id_


async def segments_from(session: AsyncSession, conversation_id: int, start: float) -> Sequence[int]:
    """The ids of the stored segments that start at or after `start` seconds, in order."""
    there = SegmentRow.conversation_id == conversation_id, SegmentRow.start_offset >= start
    return (await session.scalars(select(SegmentRow.id).where(*there).order_by(SegmentRow.position))).all()
