"""The statements of a restore that give participants and segments their speakers back, in the order in which they run."""

from collections.abc import Sequence

from sqlalchemy import (
    Executable,
    Text,
    and_,
    case,
    cast,
    delete,
    exists,
    func,
    insert,
    literal,
    not_,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.orm import aliased

from storage.backups.staging import StagedParticipant, StagedSegment, StagedSpeaker
from storage.tables import ParticipantRow, SegmentRow, TurnRow, VoiceprintRow
from storage.tables.names import key_of
from storage.tables.sequences import last_id

_random_label = cast(func.gen_random_uuid(), Text)
_UNKNOWN_LABEL = "restored unknown"

SPEAKERS: Sequence[Executable] = (
    update(StagedParticipant).where(StagedSpeaker.file_id == StagedParticipant.speaker_id).values(speaker=StagedSpeaker.id),
    update(StagedSegment).where(StagedSpeaker.file_id == StagedSegment.speaker_id).values(speaker=StagedSpeaker.id),
    update(StagedSegment)
    .where(StagedSegment.speaker.is_(None), key_of(StagedSpeaker.name) == key_of(StagedSegment.speaker_name))
    .values(speaker=StagedSpeaker.id, by_name=True),
)
"""The speakers here, once `restored_speakers` has run."""

_same = aliased(StagedParticipant)
MATCHES: Sequence[Executable] = (
    # Participants and segments of a conversation that was not processed again are still the same rows.
    update(StagedParticipant)
    .where(
        StagedParticipant.id <= last_id(ParticipantRow),
        StagedParticipant.conversation_id.in_(
            select(_same.conversation_id).join(
                ParticipantRow,
                (ParticipantRow.id == _same.id) & (ParticipantRow.conversation_id == _same.conversation_id),
            )
        ),
        ~exists().where(
            ParticipantRow.id == StagedParticipant.id, ParticipantRow.conversation_id != StagedParticipant.conversation_id
        ),
    )
    .values(live=True),
    update(StagedSegment)
    .where(
        SegmentRow.id == StagedSegment.id,
        SegmentRow.conversation_id == StagedSegment.conversation_id,
        StagedParticipant.id == StagedSegment.participant_id,
        StagedParticipant.live,
        StagedParticipant.conversation_id == StagedSegment.conversation_id,
    )
    .values(live_id=SegmentRow.id, unchanged=True),
    # Other segments are found by their place, to a hundredth of a second.
    update(StagedSegment)
    .where(
        StagedSegment.live_id.is_(None),
        SegmentRow.conversation_id == StagedSegment.conversation_id,
        func.round(SegmentRow.start_offset * 100) == func.round(StagedSegment.start_offset * 100),
        func.round(SegmentRow.end_offset * 100) == func.round(StagedSegment.end_offset * 100),
    )
    .values(live_id=SegmentRow.id),
)
"""Find the participants and segments that are still stored."""

_restored = (
    *(StagedParticipant.label, StagedParticipant.speaker, StagedParticipant.confidence, StagedParticipant.enrolled),
    *(StagedParticipant.speech, StagedParticipant.vector, StagedParticipant.model),
)
_current = (
    *(ParticipantRow.label, ParticipantRow.voice_id, ParticipantRow.confidence, ParticipantRow.enrolled),
    *(ParticipantRow.speech_seconds, ParticipantRow.vector, ParticipantRow.model),
)
SAME_ROWS: Sequence[Executable] = (
    # The label may be another participant's by now, and is unique in the conversation.
    update(ParticipantRow)
    .where(
        StagedParticipant.live,
        StagedParticipant.conversation_id == ParticipantRow.conversation_id,
        StagedParticipant.label == ParticipantRow.label,
        StagedParticipant.id != ParticipantRow.id,
    )
    .values(label=_random_label),
    insert(ParticipantRow).from_select(
        ["id", "conversation_id", "label", "speech"],
        select(StagedParticipant.id, StagedParticipant.conversation_id, _random_label, StagedParticipant.speech).where(
            StagedParticipant.live, ~exists().where(ParticipantRow.id == StagedParticipant.id)
        ),
    ),
    update(ParticipantRow)
    .where(
        StagedParticipant.live,
        StagedParticipant.id == ParticipantRow.id,
        tuple_(*_current).is_distinct_from(tuple_(*_restored)),
    )
    .values(dict(zip(_current, _restored, strict=True))),
    update(SegmentRow)
    .where(
        StagedSegment.unchanged,
        SegmentRow.id == StagedSegment.live_id,
        SegmentRow.participant_id != StagedSegment.participant_id,
    )
    .values(
        participant_id=StagedSegment.participant_id,
        detector_breakdown=case((SegmentRow.emotion_corrected, SegmentRow.detector_breakdown)),
    ),
    delete(ParticipantRow).where(
        ParticipantRow.conversation_id.in_(select(StagedParticipant.conversation_id).where(StagedParticipant.live)),
        ~exists().where(StagedParticipant.id == ParticipantRow.id),
        ~exists().where(SegmentRow.participant_id == ParticipantRow.id),
        ~exists().where(TurnRow.participant_id == ParticipantRow.id),
    ),
)
"""Participants and segments that are the same rows become what the file has."""

_seconds = (
    select(
        SegmentRow.participant_id,
        StagedSegment.speaker,
        func.row_number()
        .over(
            partition_by=SegmentRow.participant_id,
            order_by=[func.sum(SegmentRow.end_offset - SegmentRow.start_offset).desc(), StagedSegment.speaker],
        )
        .label("rank"),
    )
    .join(StagedSegment, StagedSegment.live_id == SegmentRow.id)
    .where(not_(StagedSegment.unchanged))
    .group_by(SegmentRow.participant_id, StagedSegment.speaker)
    .subquery()
)
_elsewhere = aliased(ParticipantRow)
_differs = ParticipantRow.speaker_id.is_distinct_from(StagedSegment.speaker)
# The participant that a segment moves to. A user may have identified an earlier "restored unknown" meanwhile.
_target = and_(
    _elsewhere.conversation_id == SegmentRow.conversation_id,
    _elsewhere.speaker_id.is_not_distinct_from(StagedSegment.speaker),
    or_(StagedSegment.speaker.is_not(None), _elsewhere.label.startswith(_UNKNOWN_LABEL)),
)
_missing = (
    select(SegmentRow.conversation_id, StagedSegment.speaker)
    .join(StagedSegment, StagedSegment.live_id == SegmentRow.id)
    .join(ParticipantRow, ParticipantRow.id == SegmentRow.participant_id)
    .where(not_(StagedSegment.unchanged), _differs, ~exists().where(_target))
    .distinct()
    .subquery()
)
_kind = func.coalesce(literal("restored ") + cast(_missing.c.speaker, Text), _UNKNOWN_LABEL)
OTHER_ROWS: Sequence[Executable] = (
    # Each participant gets the speaker of most of its segments, by seconds; the other segments move.
    update(ParticipantRow)
    .where(_seconds.c.participant_id == ParticipantRow.id, _seconds.c.rank == 1)
    .values({ParticipantRow.voice_id: _seconds.c.speaker, ParticipantRow.confidence: None}),
    insert(ParticipantRow).from_select(
        ["conversation_id", "label", ParticipantRow.voice_id.name, "enrolled"],
        select(_missing.c.conversation_id, _kind + " " + _random_label, _missing.c.speaker, literal(False)),
    ),
    update(SegmentRow)
    .where(
        not_(StagedSegment.unchanged),
        SegmentRow.id == StagedSegment.live_id,
        ParticipantRow.id == SegmentRow.participant_id,
        _differs,
    )
    .values(
        participant_id=select(func.min(_elsewhere.id)).where(_target).correlate(SegmentRow, StagedSegment).scalar_subquery()
    ),
)
"""Segments of conversations that were processed again get the speakers that the file has at their places."""

_EMOTION = (
    *("confidence", "emotion_category", "emotion_confidence", "emotion_corrected", "emotion_corrected_at"),
    *("emotion_misidentified", "emotion_learned"),
)
_emotion_now = tuple_(*(getattr(SegmentRow, name) for name in _EMOTION))
_emotion_then = tuple_(*(getattr(StagedSegment, name) for name in _EMOTION))
CORRECTIONS: Sequence[Executable] = (
    update(SegmentRow)
    .where(SegmentRow.id == StagedSegment.live_id, SegmentRow.is_misidentified != StagedSegment.is_misidentified)
    .values(is_misidentified=StagedSegment.is_misidentified),
    update(SegmentRow)
    .where(
        SegmentRow.id == StagedSegment.live_id,
        or_(StagedSegment.unchanged, StagedSegment.emotion_corrected),
        _emotion_now.is_distinct_from(_emotion_then),
    )
    .values(
        {name: getattr(StagedSegment, name) for name in _EMOTION}
        | {
            "detector_breakdown": case(
                (SegmentRow.emotion_corrected & StagedSegment.emotion_corrected, SegmentRow.detector_breakdown)
            )
        }
    ),
    # The references of a speaker outlive the conversations that they come from.
    insert(VoiceprintRow).from_select(
        ["speaker_id", "vector", "model", "source"],
        select(StagedParticipant.speaker, StagedParticipant.vector, StagedParticipant.model, literal("backup"))
        .where(
            not_(StagedParticipant.live),
            StagedParticipant.enrolled,
            StagedParticipant.speaker.is_not(None),
            StagedParticipant.vector.is_not(None),
        )
        .order_by(StagedParticipant.id),
    ),
)

STATEMENTS = (*SPEAKERS, *MATCHES, *SAME_ROWS, *OTHER_ROWS, *CORRECTIONS)
