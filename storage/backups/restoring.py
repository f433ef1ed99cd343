"""Restore the staged entries of a file over what is stored: statements for all rows of a kind, not row by row."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import Text, case, column, distinct, func, literal, select, true
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from storage.backups import restored_emotions, restored_speakers, restored_transcripts
from storage.backups.restored_speakers import DIFFERENT
from storage.backups.staging import StagedSegment, StagedSpeaker
from storage.tables import EmotionProfile, ParticipantRow, SegmentRow, VoiceprintRow, VoiceRow, spoken_by


@dataclass(frozen=True, slots=True)
class RestoreCounts:
    """Numbers of the file's speakers and segments, under the names that clients know."""

    speakers_restored: int
    segments_updated: int
    segments_unmapped: int
    """Their speaker is not in the file."""
    segments_remapped_by_name: int
    """Their speaker was found by name, not by id."""
    segments_remapped_from_local_names: int
    """The file has no speaker id for them, but a name that is a speaker's."""
    segments_not_found: int
    segments_skipped_namespace: int
    """Their conversation is not here."""
    segments_skipped_identity: int
    """Their conversation is here, without a segment at that place."""
    segments_replayed_by_identity: int
    segments_replayed_by_legacy_identity: int
    """Found by the conversation's id and the segment's place."""
    segment_namespace_match: bool
    """Every conversation of the file is here."""
    distinct_pairs_restored: int | None
    """Pairs of different people; None where the file does not say, and those of the speakers that stay are as they were."""


async def stored_dimensions(session: AsyncSession, models: Collection[str]) -> Mapping[str, set[int]]:
    """The lengths of the models' stored vectors, from one row of each table: all vectors of a model have one length."""
    names = func.unnest(literal(list(models), ARRAY(Text))).table_valued(column("name", Text), name="given").render_derived()
    columns = (
        (ParticipantRow.vector, ParticipantRow.model),
        (VoiceprintRow.vector, VoiceprintRow.model),
        (SegmentRow.emotion_vector, SegmentRow.emotion_model),
    )
    lengths = [select(func.vector_dims(vector)).where(of == names.c.name).limit(1).scalar_subquery() for vector, of in columns]
    rows = await session.execute(select(names.c.name, *lengths))
    return {name: {length for length in found if length is not None} for name, *found in rows}


async def profiled_participants(session: AsyncSession) -> set[int]:
    """Participants of speakers with emotion profiles; the emotions of their segments may depend on the profiles."""
    profiled = select(EmotionProfile.speaker_id)
    return set(await session.scalars(select(ParticipantRow.id).where(spoken_by(VoiceRow.speaker_id.in_(profiled)))))


async def replace(session: AsyncSession) -> set[int]:
    """Replace speakers and attributions by the staged ones; returns the speakers with profiles to recompute."""
    connection = await session.connection()
    for statement in (*restored_speakers.STATEMENTS, *restored_transcripts.STATEMENTS):
        await connection.execute(statement)
    return await restored_emotions.restore(session)


async def counts(session: AsyncSession) -> RestoreCounts:
    segment = StagedSegment
    is_here, has_uuid = segment.live_id.is_not(None), segment.conversation_uuid.is_not(None)
    in_file = segment.speaker_id.is_not(None) | segment.speaker_name.is_not(None)
    conversation_is_here = segment.conversation_id.is_not(None)
    count = select(func.count()).select_from(DIFFERENT.subquery()).scalar_subquery()
    pairs = select(case((func.bool_or(StagedSpeaker.states_differences), count))).scalar_subquery()
    found = select(
        select(func.count()).select_from(StagedSpeaker).scalar_subquery().label("speakers_restored"),
        func.count(distinct(segment.live_id)).label("segments_updated"),
        func.count().filter(segment.speaker.is_(None), in_file).label("segments_unmapped"),
        func.count().filter(segment.by_name, segment.speaker_id.is_not(None)).label("segments_remapped_by_name"),
        func.count().filter(segment.by_name, segment.speaker_id.is_(None)).label("segments_remapped_from_local_names"),
        func.count().filter(~is_here).label("segments_not_found"),
        func.count().filter(~conversation_is_here).label("segments_skipped_namespace"),
        func.count().filter(conversation_is_here, ~is_here).label("segments_skipped_identity"),
        func.count().filter(is_here, has_uuid).label("segments_replayed_by_identity"),
        func.count().filter(is_here, ~has_uuid).label("segments_replayed_by_legacy_identity"),
        func.coalesce(func.bool_and(has_uuid & conversation_is_here), true()).label("segment_namespace_match"),
        pairs.label("distinct_pairs_restored"),
    ).select_from(segment)
    return RestoreCounts(**(await session.execute(found)).mappings().one())
