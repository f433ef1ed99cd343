"""The table of speakers: people with lasting names. Their reference vectors are in `storage.speakers.references`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, any_, delete, exists, func, or_, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.access import Principal
from pipeline.identity import matching
from storage.access.visibility import visible_to
from storage.audio import AudioLocation
from storage.tables import (
    Conversation,
    EmotionProfile,
    ParticipantRow,
    SegmentRow,
    Speaker,
    VoiceprintRow,
    VoiceRow,
    spoken_by,
    unknown_speaker_number,
)
from storage.tables.names import key_of

IDENTITY_LOCK = 0x73706B72  # "spkr"; the key of an advisory lock
UNKNOWN = f"^{matching.UNKNOWN_NAME.pattern}$"
"""Names that the program gave, as PostgreSQL writes regular expressions."""

MAX_SAMPLE_S = 8.0
"""Length of a speaker's sample."""


class SpeakerNotFoundError(LookupError):
    """There is no such speaker."""

    def __init__(self) -> None:
        super().__init__("Speaker not found")


class NameTakenError(ValueError):
    """Another speaker has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Speaker '{name}' already exists")


@dataclass(frozen=True, slots=True)
class SpeakerSummary:
    id: int
    name: str
    created_at: datetime
    updated_at: datetime
    segment_count: int


async def lock(session: AsyncSession) -> None:
    """Take the lock of all decisions about speakers, until the end of the transaction.

    Code that matches, merges or deletes speakers takes it before it reads them or locks a row.
    """
    await session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": IDENTITY_LOCK})


async def list_all(session: AsyncSession) -> list[SpeakerSummary]:
    """All speakers by name, with their numbers of segments."""
    counts = (
        select(VoiceRow.speaker_id, func.count().label("number"))
        .join(ParticipantRow, ParticipantRow.voice_id == VoiceRow.id)
        .join(SegmentRow, SegmentRow.participant_id == ParticipantRow.id)
        .group_by(VoiceRow.speaker_id)
        .subquery()
    )
    columns = (Speaker.id, Speaker.name, Speaker.created_at, Speaker.updated_at, func.coalesce(counts.c.number, 0))
    found = select(*columns).outerjoin(counts, counts.c.speaker_id == Speaker.id).order_by(Speaker.name)
    return [SpeakerSummary(*row) for row in await session.execute(found)]


async def get(session: AsyncSession, speaker_id: int) -> SpeakerSummary:
    """One speaker, with its number of segments. Raises SpeakerNotFoundError."""
    columns = (Speaker.id, Speaker.name, Speaker.created_at, Speaker.updated_at)
    row = (await session.execute(select(*columns).where(Speaker.id == speaker_id))).one_or_none()
    if row is None:
        raise SpeakerNotFoundError
    return SpeakerSummary(*row, segment_count=await count_segments(session, speaker_id))


async def name_of(session: AsyncSession, speaker_id: int) -> str:
    """Raises SpeakerNotFoundError."""
    name = await session.scalar(select(Speaker.name).where(Speaker.id == speaker_id))
    if name is None:
        raise SpeakerNotFoundError
    return name


async def speaker_exists(session: AsyncSession, speaker_id: int) -> bool:
    return await session.scalar(select(Speaker.id).where(Speaker.id == speaker_id)) is not None


async def find(session: AsyncSession, name: str) -> int | None:
    """The speaker of this name, in any spelling."""
    return await session.scalar(select(Speaker.id).where(Speaker.name_key == key_of(name)))


async def check_free(session: AsyncSession, name: str, besides: int | None = None) -> None:
    """Raise NameTakenError if a speaker, other than `besides`, has this name."""
    other = select(Speaker.name).where(Speaker.name_key == key_of(name), Speaker.id.is_distinct_from(besides))
    if (taken := await session.scalar(other)) is not None:
        raise NameTakenError(taken)


async def unknown(session: AsyncSession) -> dict[int, str]:
    """The ids and names of the speakers that have no given name."""
    found = select(Speaker.id, Speaker.name).where(Speaker.name.regexp_match(UNKNOWN)).order_by(Speaker.id)
    return {row.id: row.name for row in await session.execute(found)}


async def names(session: AsyncSession) -> list[str]:
    """The names of all speakers, in order."""
    return list(await session.scalars(select(Speaker.name).order_by(Speaker.name)))


async def count_segments(session: AsyncSession, speaker_id: int) -> int:
    """How many segments the speaker has, in all conversations."""
    own = select(ParticipantRow.id).where(spoken_by(VoiceRow.speaker_id == speaker_id))
    # An array, not a join: one scan of the index for all participants, and not one for each.
    found = select(func.count()).where(SegmentRow.participant_id == any_(func.array(own.scalar_subquery())))
    return (await session.execute(found)).scalar_one()


async def named(session: AsyncSession, speaker_ids: Iterable[int]) -> dict[int, bool]:
    """Whether a person gave the speaker its name, for each of the speakers that exists."""
    rows = await session.execute(select(Speaker.id, Speaker.name).where(Speaker.id.in_(list(speaker_ids))))
    return {id_: not matching.is_unknown(name) for id_, name in rows}


async def names_of(session: AsyncSession, speaker_ids: Iterable[int]) -> dict[int, str]:
    """The names of those of the speakers that exist."""
    rows = await session.execute(select(Speaker.id, Speaker.name).where(Speaker.id.in_(list(speaker_ids))))
    return {row.id: row.name for row in rows}


async def create_unknown(session: AsyncSession) -> int:
    """A new speaker with the next free name `Unknown_01`, `Unknown_02`, …; returns the id."""
    while True:
        number = (await session.execute(select(unknown_speaker_number.next_value()))).scalar_one()
        # A person may have given such a name; then the next number is tried.
        new = insert(Speaker).values(name=f"Unknown_{number:02d}").on_conflict_do_nothing(index_elements=[Speaker.name_key])
        created = (await session.execute(new.returning(Speaker.id))).scalar_one_or_none()
        if created is not None:
            return created


async def sample(session: AsyncSession, viewer: Principal, speaker_id: int) -> AudioLocation | None:
    """The best sample of a speaker: without overlap, long enough, and with the most probable words.

    None where no recording is kept that the viewer may play. Raises SpeakerNotFoundError.
    """
    await name_of(session, speaker_id)
    columns = (Conversation.audio_key, SegmentRow.start_offset, SegmentRow.end_offset, SegmentRow.channel)
    best = playable(viewer, speaker_id, *columns).order_by(*clearest_first()).limit(1)
    row = (await session.execute(best)).one_or_none()
    return None if row is None else AudioLocation(row[0], row[1], min(row[2], row[1] + MAX_SAMPLE_S), row[3] and row[3] - 1)


def playable(viewer: Principal, speaker_id: int, *columns: Any) -> Select[Any]:
    """The segments of a speaker that the viewer may play as samples of the voice."""
    return (
        select(*columns)
        .join(ParticipantRow, SegmentRow.participant_id == ParticipantRow.id)
        .join(Conversation, ParticipantRow.conversation_id == Conversation.id)
        .where(spoken_by(VoiceRow.speaker_id == speaker_id), Conversation.audio_key.is_not(None), ~SegmentRow.is_misidentified)
        .where(*visible_to(viewer))
    )


def clearest_first() -> tuple[ColumnElement[Any], ...]:
    """The order of segments as samples of a voice: without overlap, long enough, with the most probable words."""
    length = SegmentRow.end_offset - SegmentRow.start_offset
    clear = SegmentRow.avg_logprob.desc().nulls_last()
    return (SegmentRow.overlap.asc(), func.least(length, MAX_SAMPLE_S / 2).desc(), clear, SegmentRow.id.asc())


async def orphaned(session: AsyncSession, speaker_ids: Iterable[int]) -> Sequence[int]:
    """Those of the speakers that have no given name, no segments, no references and no emotion profiles."""
    has_segments = exists().where(SegmentRow.participant_id == ParticipantRow.id)
    has = or_(ParticipantRow.vector.is_not(None), has_segments)
    used = [exists().where(spoken_by(VoiceRow.speaker_id == Speaker.id), has)]
    used += [exists().where(table.speaker_id == Speaker.id) for table in (VoiceprintRow, EmotionProfile)]
    unknown = (Speaker.id.in_(list(speaker_ids)), Speaker.name.regexp_match(UNKNOWN))
    return (await session.scalars(select(Speaker.id).where(*unknown, *(~one for one in used)))).all()


async def delete_orphaned(session: AsyncSession, speaker_ids: Iterable[int]) -> None:
    """Delete those of the speakers that are `orphaned`."""
    gone = await orphaned(session, speaker_ids)
    await session.execute(delete(Speaker).where(Speaker.id.in_(gone)))
