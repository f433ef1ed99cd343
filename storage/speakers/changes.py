"""The statements by which changes of speakers are made and undone. The caller holds `storage.speakers.speakers.lock`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel
from sqlalchemy import delete, exists, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.types import Voiceprint
from storage.postgres.conditions import one_of
from storage.speakers.change_steps import ParticipantCopy, ProfileCopy, SpeakerCopy, VoiceprintCopy
from storage.tables import (
    Base,
    EmotionProfile,
    ParticipantRow,
    SegmentRow,
    Speaker,
    TurnRow,
    VoiceprintRow,
    VoiceRow,
    spoken_by,
)

TABLES = Base.metadata.tables

Copy = TypeVar("Copy", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class SegmentIdentity:
    """The participant of a segment, and the confidence of the assignment."""

    id: int
    participant_id: int
    duration: float
    """Seconds."""
    confidence: float | None
    is_misidentified: bool


# Speakers


async def create_speaker(session: AsyncSession, name: str) -> int:
    return (await session.execute(insert(Speaker).values(name=name).returning(Speaker.id))).scalar_one()


async def rename_speaker(session: AsyncSession, speaker_id: int, name: str) -> None:
    await session.execute(update(Speaker).where(Speaker.id == speaker_id).values(name=name))


async def delete_speakers(session: AsyncSession, speaker_ids: Sequence[int]) -> None:
    """Delete speakers with their voiceprints and emotion profiles. Their participants must have been assigned before."""
    await session.execute(delete(Speaker).where(one_of(Speaker.id, speaker_ids)))


async def has_references(session: AsyncSession, speaker_id: int) -> bool:
    """Whether the speaker has participants or voiceprints."""
    heard = exists().where(spoken_by(VoiceRow.speaker_id == speaker_id))
    return bool(await session.scalar(select(or_(heard, exists().where(VoiceprintRow.speaker_id == speaker_id)))))


async def copy_speakers(session: AsyncSession, speaker_ids: Sequence[int]) -> list[SpeakerCopy]:
    return await _copies(session, Speaker, Speaker.id, speaker_ids, SpeakerCopy)


async def insert_speakers(session: AsyncSession, copies: Sequence[SpeakerCopy]) -> None:
    await _insert(session, Speaker, copies)


# Voiceprints and emotion profiles


async def add_voiceprint(
    session: AsyncSession, speaker_id: int, voice: Voiceprint, source: str, seconds: float | None = None
) -> int:
    """`seconds`: of clear speech that the voice was computed from."""
    values = {"speaker_id": speaker_id, "vector": voice.vector, "model": voice.model, "source": source}
    values |= {"speech_seconds": seconds}
    return (await session.execute(insert(VoiceprintRow).values(values).returning(VoiceprintRow.id))).scalar_one()


async def assign_voiceprints(
    session: AsyncSession, source: int, target: int, voiceprint_ids: Sequence[int] | None = None
) -> Sequence[int]:
    """Make voiceprints of one speaker another's: all, or those of `voiceprint_ids`. Returns their ids."""
    which = [VoiceprintRow.speaker_id == source]
    which += [] if voiceprint_ids is None else [one_of(VoiceprintRow.id, voiceprint_ids)]
    change = update(VoiceprintRow).where(*which).values(speaker_id=target)
    return (await session.scalars(change.returning(VoiceprintRow.id))).all()


async def delete_voiceprint(session: AsyncSession, voiceprint_id: int) -> None:
    await session.execute(delete(VoiceprintRow).where(VoiceprintRow.id == voiceprint_id))


async def copy_voiceprints(session: AsyncSession, speaker_ids: Sequence[int]) -> list[VoiceprintCopy]:
    return await _copies(session, VoiceprintRow, VoiceprintRow.speaker_id, speaker_ids, VoiceprintCopy)


async def insert_voiceprints(session: AsyncSession, copies: Sequence[VoiceprintCopy]) -> None:
    await _insert(session, VoiceprintRow, copies)


async def copy_profiles(session: AsyncSession, speaker_ids: Sequence[int]) -> list[ProfileCopy]:
    return await _copies(session, EmotionProfile, EmotionProfile.speaker_id, speaker_ids, ProfileCopy)


async def insert_profiles(session: AsyncSession, copies: Sequence[ProfileCopy]) -> None:
    await _insert(session, EmotionProfile, copies)


async def delete_profiles(session: AsyncSession, speaker_id: int) -> None:
    await session.execute(delete(EmotionProfile).where(EmotionProfile.speaker_id == speaker_id))


# Participants


async def assign_participants(
    session: AsyncSession, source: int | None, target: int | None, participant_ids: Sequence[int]
) -> Sequence[int]:
    """Make those of the participants that are one speaker's another's. Returns their ids."""
    own = ParticipantRow.voice_id.is_(None) if source is None else spoken_by(VoiceRow.speaker_id == source)
    change = update(ParticipantRow).where(own, one_of(ParticipantRow.id, participant_ids)).values(voice_id=target)
    return (await session.scalars(change.returning(ParticipantRow.id))).all()


async def assign_voices(session: AsyncSession, source: int, target: int) -> Sequence[int]:
    """Make all participants of one speaker another's, by its voices: no participant changes. Returns their ids."""
    moved = (await participants_of(session, [source])).get(source, [])
    if moved:
        await session.execute(update(VoiceRow).where(VoiceRow.speaker_id == source).values(speaker_id=target))
    return moved


async def participants_of(session: AsyncSession, speaker_ids: Sequence[int]) -> dict[int, list[int]]:
    """The participants of each of the speakers that has any."""
    found = (
        select(VoiceRow.speaker_id, func.array_agg(ParticipantRow.id))
        .join(ParticipantRow, ParticipantRow.voice_id == VoiceRow.id)
        .where(one_of(VoiceRow.speaker_id, speaker_ids))
        .group_by(VoiceRow.speaker_id)
    )
    return {speaker_id: list(ids) for speaker_id, ids in await session.execute(found)}


async def unassign_participants(session: AsyncSession, speaker_ids: Sequence[int]) -> None:
    """Leave the participants of the speakers without a speaker."""
    await session.execute(
        update(ParticipantRow).where(spoken_by(one_of(VoiceRow.speaker_id, speaker_ids))).values(voice_id=None)
    )


async def set_enrolled(session: AsyncSession, participant_ids: Sequence[int], enrolled: bool) -> Sequence[int]:
    """Returns the participants for which that is a change."""
    change = update(ParticipantRow).where(one_of(ParticipantRow.id, participant_ids), ParticipantRow.enrolled != enrolled)
    return (await session.scalars(change.values(enrolled=enrolled).returning(ParticipantRow.id))).all()


async def delete_unused_participant(session: AsyncSession, participant_id: int) -> bool:
    """Delete a participant that has neither segments nor turns; returns whether it was deleted."""
    used = [exists().where(table.participant_id == ParticipantRow.id) for table in (SegmentRow, TurnRow)]
    unused = delete(ParticipantRow).where(ParticipantRow.id == participant_id, ~or_(*used))
    return await session.scalar(unused.returning(ParticipantRow.id)) is not None


async def delete_silent_participant(session: AsyncSession, participant_id: int) -> None:
    """Delete a participant unless it has segments."""
    silent = ~exists().where(SegmentRow.participant_id == participant_id)
    await session.execute(delete(ParticipantRow).where(ParticipantRow.id == participant_id, silent))


async def copy_participants(session: AsyncSession, participant_ids: Sequence[int]) -> list[ParticipantCopy]:
    columns = [column for column in ParticipantRow.__table__.columns if column.name != ParticipantRow.voice_id.name]
    found = select(*columns, ParticipantRow.speaker_id.label("speaker_id")).where(one_of(ParticipantRow.id, participant_ids))
    rows = await session.execute(found.order_by(ParticipantRow.id))
    return [ParticipantCopy.model_validate(row) for row in rows]


async def restore_participants(session: AsyncSession, copies: Sequence[ParticipantCopy]) -> None:
    """Insert participants, or restore their vectors; a participant that exists keeps its speaker."""
    if not copies:
        return
    # The column of the voice has the name that a copy has for the speaker, whose voice has the same id.
    new = postgresql.insert(TABLES[ParticipantRow.__tablename__]).values([copy.model_dump() for copy in copies])
    changed = {name: new.excluded[name] for name in ("vector", "model", "speech", "enrolled")}
    await session.execute(new.on_conflict_do_update(index_elements=[ParticipantRow.id], set_=changed))


# Segments


async def segment_identity(session: AsyncSession, segment_id: int) -> SegmentIdentity | None:
    duration = SegmentRow.end_offset - SegmentRow.start_offset
    columns = (SegmentRow.id, SegmentRow.participant_id, duration, SegmentRow.confidence, SegmentRow.is_misidentified)
    row = (await session.execute(select(*columns).where(SegmentRow.id == segment_id))).one_or_none()
    return None if row is None else SegmentIdentity(*row)


async def move_segment(session: AsyncSession, segment_id: int, participant_id: int) -> None:
    await session.execute(update(SegmentRow).where(SegmentRow.id == segment_id).values(participant_id=participant_id))


async def set_confidence(session: AsyncSession, segment_id: int, confidence: float | None, *, is_misidentified: bool) -> None:
    values = {"confidence": confidence, "is_misidentified": is_misidentified}
    await session.execute(update(SegmentRow).where(SegmentRow.id == segment_id).values(values))


async def _copies(session: AsyncSession, table: type[Base], column: Any, values: Sequence[int], kind: type[Copy]) -> list[Copy]:
    rows = await session.execute(select(TABLES[table.__tablename__]).where(one_of(column, values)).order_by("id"))
    return [kind.model_validate(row) for row in rows]


async def _insert(session: AsyncSession, table: type[Base], copies: Sequence[BaseModel]) -> None:
    if copies:
        await session.execute(insert(TABLES[table.__tablename__]), [copy.model_dump() for copy in copies])
