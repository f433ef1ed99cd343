"""The emotions of stored segments, and the emotion profiles used to detect them.

A profile is computed from segments: the mean over those of the speaker that were corrected to its emotion, merged with
the imported mean of a backup. It is never updated in place, only recomputed.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, case, delete, false, func, or_, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from pipeline.emotion.dual_detector import Profile, SegmentFeatures, SpeakerEmotionProfiles, decide
from pipeline.emotion.feeling import CALIBRATIONS, Feeling, feeling
from pipeline.emotion.rules import Decision
from pipeline.types import Vector
from pipeline.voice_settings import VoiceSettings
from storage.emotions import baselines
from storage.emotions.baselines import Baselines
from storage.postgres.conditions import one_of
from storage.postgres.vectors import Embedding
from storage.speakers import speakers
from storage.tables import EmotionProfile, ParticipantRow, SegmentRow, Speaker, VoiceprintRow, VoiceRow, spoken_by

BATCH = 100
"""Segments decided at a time, which takes some milliseconds: the event loop runs other tasks in between."""
COLUMNS = {"emotion": "emotion_category"}
"""Column names of the fields of `Profile` that have another name in the table."""
MAX_REFERENCES = 1000
"""The latest vectors that represent a speaker's voice independent of emotion."""


def learned(segment: ReadOnlyColumnCollection[str, Any]) -> ColumnElement[bool]:
    """Whether a profile is computed from a segment, by the columns of a table of segments."""
    return and_(
        segment.emotion_corrected,
        segment.emotion_learned,
        ~segment.emotion_misidentified,
        ~segment.is_misidentified,
        segment.emotion_vector.is_not(None),
        func.vector_norm(segment.emotion_vector) > 0,  # a zero vector marks a segment that the model could not classify
    )


LEARNED = learned(SegmentRow.__table__.columns)


@dataclass(frozen=True, slots=True)
class Counts:
    """`updated` segments have the emotion that is detected now; `skipped` ones were corrected or have no emotion scores."""

    updated: int
    skipped: int
    total: int


@dataclass(frozen=True, slots=True)
class _Mean:
    """Of `count` vectors of one model."""

    model: str
    count: int
    vector: Vector

    def merged(self, vector: Vector, count: int) -> "_Mean":
        weight = count / (self.count + count)
        return _Mean(self.model, self.count + count, (1 - weight) * self.vector + weight * vector)


async def recompute(session: AsyncSession, speaker_id: int, emotion: str | None = None) -> None:
    """Recompute a speaker's profiles, or that of one emotion. A profile without samples is deleted with its thresholds.

    Call it whenever a corrected segment is assigned to or removed from a speaker. Vectors of two models are not averaged.
    The imported base decides which model's are used, else the latest correction. A profile with an imported base includes
    only segments of the same model until it is reset.
    """
    await speakers.lock(session)
    ours = [EmotionProfile.speaker_id == speaker_id]
    ours += [EmotionProfile.emotion_category == emotion] if emotion is not None else []
    columns = (
        *(EmotionProfile.emotion_category, EmotionProfile.model, EmotionProfile.imported_vector, EmotionProfile.imported_count),
        *(EmotionProfile.voice_model, EmotionProfile.imported_voice_vector, EmotionProfile.imported_voice_count),
    )
    rows = {row.emotion_category: row for row in await session.execute(select(*columns).where(*ours))}
    bases = {e: _Mean(row.model, row.imported_count, row.imported_vector) for e, row in rows.items() if row.imported_count}
    voice_bases = {
        e: _Mean(row.voice_model, row.imported_voice_count, row.imported_voice_vector)
        for e, row in rows.items()
        if row.imported_voice_count
    }
    heard = await _means(session, speaker_id, emotion, SegmentRow.emotion_vector, SegmentRow.emotion_model, bases)
    voices = await _means(session, speaker_id, emotion, SegmentRow.voice_vector, SegmentRow.voice_model, voice_bases)
    if gone := rows.keys() - heard.keys():
        await session.execute(delete(EmotionProfile).where(*ours, EmotionProfile.emotion_category.in_(gone)))
    for category, mean in heard.items():
        voice = voices.get(category)
        values: dict[str, Any] = {
            "vector": mean.vector,
            "model": mean.model,
            "sample_count": mean.count,
            "voice_vector": voice and voice.vector,
            "voice_model": voice and voice.model,
            "voice_sample_count": voice.count if voice else 0,
            "updated_at": func.now(),
        }
        new = insert(EmotionProfile).values(speaker_id=speaker_id, emotion_category=category, **values)
        key = [EmotionProfile.speaker_id, EmotionProfile.emotion_category]
        await session.execute(new.on_conflict_do_update(index_elements=key, set_=values))


async def _means(
    session: AsyncSession, speaker_id: int, emotion: str | None, vector: Any, model: Any, bases: dict[str, _Mean]
) -> dict[str, _Mean]:
    """The mean of `vector` for each emotion, over the segments that count, merged with its base."""
    latest = func.max(SegmentRow.emotion_corrected_at).asc().nulls_first()
    found = (
        select(SegmentRow.emotion_category, model, func.count(), func.avg(vector, type_=Embedding()))
        .join(ParticipantRow, SegmentRow.participant_id == ParticipantRow.id)
        .where(spoken_by(VoiceRow.speaker_id == speaker_id), LEARNED, vector.is_not(None), func.vector_norm(vector) > 0)
        .group_by(SegmentRow.emotion_category, model, func.vector_dims(vector))
        .order_by(latest, func.max(SegmentRow.id))
    )
    if emotion is not None:
        found = found.where(SegmentRow.emotion_category == emotion)
    means = dict(bases)
    for category, name, count, mean in await session.execute(found):
        base = bases.get(category)
        if base is None:
            means[category] = _Mean(name, count, mean)  # the later of two models is used
        elif (base.model, base.vector.shape) == (name, mean.shape):
            means[category] = base.merged(mean, count)
    return means


async def have_corrections(session: AsyncSession, participant_ids: Collection[int]) -> bool:
    """Whether any segment of the participants has a correction from which a profile is computed once it has a speaker."""
    found = select(SegmentRow.id).where(one_of(SegmentRow.participant_id, sorted(participant_ids)), LEARNED)
    return await session.scalar(found.limit(1)) is not None


async def is_relative(session: AsyncSession, participant_ids: Collection[int]) -> bool:
    """Whether emotions of the participants' segments depend on what is usual for their speakers."""
    models = SegmentRow.emotion_model.in_(CALIBRATIONS)
    found = select(SegmentRow.id).where(one_of(SegmentRow.participant_id, sorted(participant_ids)), models)
    return bool(CALIBRATIONS) and await session.scalar(found.limit(1)) is not None


async def redetect(
    session: AsyncSession,
    *,
    settings: VoiceSettings,
    conversation_id: int | None = None,
    speaker_ids: Collection[int] | None = None,
    participant_ids: Collection[int] | None = None,
    segment_ids: Collection[int] | None = None,
    personalized: bool = True,
) -> Counts:
    """Detect emotions again for the segments that match all given filters; no recording is read.

    Corrected segments stay as they are. Segments of speakers without profiles, and misidentified segments, have the general
    model's result; where it does not depend on the speaker, one query finds that nothing has to be done. All segments have it
    where not `personalized` (`Settings.enable_personalized_emotions`). Raises ValueError where no filter is given.
    """
    which: list[ColumnElement[bool]] = []
    if conversation_id is not None:
        which.append(SegmentRow.conversation_id == conversation_id)
    if speaker_ids is not None:
        which.append(spoken_by(VoiceRow.speaker_id.in_(speaker_ids)))
    if participant_ids is not None:
        which.append(SegmentRow.participant_id.in_(participant_ids))
    if segment_ids is not None:
        which.append(SegmentRow.id.in_(segment_ids))
    if not which:
        raise ValueError("Say whose emotions to detect: of a conversation, of speakers, of participants, or of segments.")
    await speakers.lock(session)
    segments = SegmentRow.__table__.join(ParticipantRow.__table__, SegmentRow.participant_id == ParticipantRow.id)
    profiled = spoken_by(VoiceRow.speaker_id.in_(select(EmotionProfile.speaker_id))) if personalized else false()
    own = and_(profiled, ~SegmentRow.is_misidentified)
    open_ = and_(~SegmentRow.emotion_corrected, SegmentRow.emotion_scores.is_not(None))
    relative = SegmentRow.emotion_model.in_(CALIBRATIONS)
    stale = and_(open_, or_(SegmentRow.detector_breakdown.is_not(None), own, relative))
    counted = select(func.count(), func.count().filter(open_), func.count().filter(stale)).select_from(segments).where(*which)
    total, updated, work = (await session.execute(counted)).one()
    if work:
        found = select(SegmentRow.id, SegmentRow.participant_id).select_from(segments).where(*which, stale)
        rows = (await session.execute(found)).all()
        usual = await baselines.of_participants(session, {row.participant_id for row in rows})
        known: dict[int, SpeakerEmotionProfiles] = {}
        for start in range(0, len(rows), BATCH):
            await _detect(session, [row.id for row in rows[start : start + BATCH]], own, known, usual, settings)
    return Counts(updated, total - updated, total)


async def use_general(session: AsyncSession, participant_ids: Collection[int]) -> None:
    """Give the segments of participants that have no speaker the general model's emotion, whatever a profile decided before.

    It needs no policy: thresholds apply to profiles only. Corrected segments stay as they are.
    """
    decided = (
        select(SegmentRow.id, SegmentRow.emotion_scores, SegmentRow.emotion_model, SegmentRow.participant_id)
        .where(one_of(SegmentRow.participant_id, list(participant_ids)), ~SegmentRow.emotion_corrected)
        .where(SegmentRow.emotion_scores.is_not(None), SegmentRow.detector_breakdown.is_not(None))
    )
    found = (await session.execute(decided)).all()
    usual = await baselines.of_participants(session, {row.participant_id for row in found}, of_speakers=False)
    for start in range(0, len(found), BATCH):
        some = found[start : start + BATCH]
        felt = [feeling(scores or {}, model, usual.get((participant, model or ""))) for _, scores, model, participant in some]
        await _store(session, [row.id for row in some], felt, [Decision(each.label, each.confidence) for each in felt])


async def _detect(
    session: AsyncSession,
    ids: Sequence[int],
    own: ColumnElement[bool],
    known: dict[int, SpeakerEmotionProfiles],
    usual: Baselines,
    settings: VoiceSettings,
) -> None:
    """Decide the emotions of some segments; `known` collects the profiles of their speakers."""
    columns = (
        *(SegmentRow.id, SegmentRow.participant_id, SegmentRow.is_misidentified, ParticipantRow.speaker_id, own.label("own")),
        *(SegmentRow.emotion_scores, SegmentRow.emotion_model, SegmentRow.voice_model),
        # Five kilobytes of a segment, which only profiles are compared with.
        case((own, SegmentRow.emotion_vector)).label("emotion_vector"),
        case((own, SegmentRow.voice_vector)).label("voice_vector"),
    )
    found = select(*columns).join(ParticipantRow, SegmentRow.participant_id == ParticipantRow.id).where(SegmentRow.id.in_(ids))
    of_speaker: dict[int | None, list[tuple[int, Feeling, SegmentFeatures]]] = defaultdict(list)
    for row in await session.execute(found):
        baseline = None if row.is_misidentified else usual.get((row.participant_id, row.emotion_model))
        felt = feeling(row.emotion_scores or {}, row.emotion_model, baseline)
        heard = SegmentFeatures(
            *(felt.label, felt.confidence, row.emotion_vector, row.emotion_model, row.voice_vector, row.voice_model)
        )
        of_speaker[row.speaker_id if row.own else None].append((row.id, felt, heard))
    known |= await _personalities(session, {speaker for speaker in of_speaker if speaker is not None} - known.keys())
    for speaker_id, lines in of_speaker.items():
        decisions = decide(
            [heard for _, _, heard in lines],
            SpeakerEmotionProfiles("") if speaker_id is None else known[speaker_id],
            emotion_threshold=settings.emotion_threshold,
            speaker_threshold=settings.speaker_threshold,
        )
        await _store(session, [id_ for id_, _, _ in lines], [felt for _, felt, _ in lines], decisions)


async def _store(session: AsyncSession, ids: Sequence[int], feelings: Sequence[Feeling], decisions: Sequence[Decision]) -> None:
    """Store all decisions in one statement; unchanged rows are not written."""
    statement = """
        UPDATE segments
        SET emotion_category = new.label, emotion_confidence = new.confidence, detector_breakdown = new.breakdown,
            activation = new.activation, valence = new.valence
        FROM (SELECT id, label, confidence, breakdown::jsonb, activation, valence FROM
              unnest(:ids ::bigint[], :labels ::text[], :confidences ::float8[], :breakdowns ::text[],
                     :activations ::float8[], :valences ::float8[])
              AS given (id, label, confidence, breakdown, activation, valence)) AS new
        WHERE segments.id = new.id AND NOT emotion_corrected
        AND (emotion_category, emotion_confidence, detector_breakdown, segments.activation, segments.valence)
            IS DISTINCT FROM (new.label, new.confidence, new.breakdown, new.activation, new.valence)
    """
    values = {
        "ids": list(ids),
        "labels": [decision.label for decision in decisions],
        "confidences": [decision.confidence for decision in decisions],
        "breakdowns": [decision.breakdown and json.dumps(decision.breakdown) for decision in decisions],
        "activations": [felt.activation for felt in feelings],
        "valences": [felt.valence for felt in feelings],
    }
    await session.execute(text(statement), values)


async def _personalities(session: AsyncSession, speaker_ids: Collection[int]) -> dict[int, SpeakerEmotionProfiles]:
    """The emotion profiles, thresholds and references of the speakers."""
    if not speaker_ids:
        return {}
    known: dict[int, list[Profile]] = defaultdict(list)
    columns = [getattr(EmotionProfile, COLUMNS.get(name, name)) for name in Profile.__dataclass_fields__]
    rows = await session.execute(select(EmotionProfile.speaker_id, *columns).where(EmotionProfile.speaker_id.in_(speaker_ids)))
    for speaker_id, *values in rows:
        known[speaker_id].append(Profile(*values))
    people = await session.execute(
        select(Speaker.id, Speaker.name, Speaker.emotion_threshold).where(Speaker.id.in_(speaker_ids))
    )
    return {
        id_: SpeakerEmotionProfiles(name, known[id_], threshold, await _references(session, id_))
        for id_, name, threshold in people
    }


async def _references(session: AsyncSession, speaker_id: int) -> list[tuple[Vector, str]]:
    """References independent of emotion: samples and participants, without the voices of emotion profiles."""
    samples = select(VoiceprintRow.vector, VoiceprintRow.model).where(VoiceprintRow.speaker_id == speaker_id)
    heard = select(ParticipantRow.vector, ParticipantRow.model).where(
        spoken_by(VoiceRow.speaker_id == speaker_id), ParticipantRow.enrolled, ParticipantRow.vector.is_not(None)
    )
    references: list[tuple[Vector, str]] = []
    for latest in (samples.order_by(VoiceprintRow.id.desc()), heard.order_by(ParticipantRow.id.desc())):
        rows = await session.execute(latest.limit(MAX_REFERENCES))
        references += [(vector, model) for vector, model in rows if vector is not None and model is not None]
    return references
