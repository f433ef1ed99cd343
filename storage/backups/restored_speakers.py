"""The statements of a restore that replace speakers and their voiceprints, in the order in which they run."""

from collections.abc import Sequence

from sqlalchemy import Executable, Text, cast, delete, exists, func, insert, select, update
from sqlalchemy.orm import aliased

from storage.backups.staging import StagedDifference, StagedSpeaker, StagedVoiceprint
from storage.speakers.speakers import UNKNOWN
from storage.tables import DistinctSpeakers, ParticipantRow, Speaker, VoiceprintRow
from storage.tables.names import key_of
from storage.tables.sequences import last_id, next_id

_other = aliased(StagedSpeaker)
_now = func.now()
DIFFERENT = (
    select(func.least(StagedSpeaker.id, _other.id).label("lower_id"), func.greatest(StagedSpeaker.id, _other.id))
    .join(StagedDifference, StagedDifference.file_speaker_id == StagedSpeaker.file_id)
    .join(_other, _other.file_id == StagedDifference.other_id)
    .distinct()
)
"""The pairs of different people, as speakers here."""

STATEMENTS: Sequence[Executable] = (
    # A speaker is the same if it was created at the same time under the same id, else if it has the same name. But two
    # databases give the name Unknown_01 to two different people.
    update(StagedSpeaker)
    .where(Speaker.id == StagedSpeaker.file_id, Speaker.created_at == StagedSpeaker.created_at)
    .values(id=Speaker.id),
    update(StagedSpeaker)
    .where(StagedSpeaker.id.is_(None), Speaker.name_key == key_of(StagedSpeaker.name), ~Speaker.name.regexp_match(UNKNOWN))
    .where(~exists().where(_other.id == Speaker.id))
    .values(id=Speaker.id),
    # Speakers that the file does not have.
    update(ParticipantRow)
    .where(ParticipantRow.voice_id.is_not(None), ~exists().where(StagedSpeaker.id == ParticipantRow.speaker_id))
    .values({ParticipantRow.voice_id: None, ParticipantRow.confidence: None}),
    delete(Speaker).where(~exists().where(StagedSpeaker.id == Speaker.id)),
    # Two speakers may have swapped their names, which are unique.
    update(Speaker)
    .where(StagedSpeaker.id == Speaker.id, StagedSpeaker.name != Speaker.name)
    .values(name=cast(func.gen_random_uuid(), Text)),
    update(Speaker)
    .where(StagedSpeaker.id == Speaker.id)
    .values(
        name=StagedSpeaker.name,
        emotion_threshold=StagedSpeaker.emotion_threshold,
        updated_at=func.coalesce(StagedSpeaker.updated_at, _now),
    ),
    # An id that this database has assigned before is used again, so that ids that clients remember stay valid.
    update(StagedSpeaker)
    .where(StagedSpeaker.id.is_(None), StagedSpeaker.file_id.between(1, last_id(Speaker)))
    .where(~exists().where(Speaker.id == StagedSpeaker.file_id))
    .values(id=StagedSpeaker.file_id),
    update(StagedSpeaker).where(StagedSpeaker.id.is_(None)).values(id=next_id(Speaker)),
    insert(Speaker).from_select(
        ["id", "name", "emotion_threshold", "created_at", "updated_at"],
        select(
            StagedSpeaker.id,
            StagedSpeaker.name,
            StagedSpeaker.emotion_threshold,
            func.coalesce(StagedSpeaker.created_at, _now),
            func.coalesce(StagedSpeaker.updated_at, _now),
        ).where(~exists().where(Speaker.id == StagedSpeaker.id)),
    ),
    delete(VoiceprintRow),
    insert(VoiceprintRow).from_select(
        ["speaker_id", "vector", "model", "source", "created_at", "speech_seconds"],
        select(
            StagedSpeaker.id,
            StagedVoiceprint.vector,
            StagedVoiceprint.model,
            StagedVoiceprint.source,
            func.coalesce(StagedVoiceprint.created_at, _now),
            StagedVoiceprint.speech_seconds,
        )
        .join(StagedVoiceprint, StagedVoiceprint.file_speaker_id == StagedSpeaker.file_id)
        .order_by(StagedSpeaker.file_id, StagedVoiceprint.id),
    ),
    # Files of versions that did not write the pairs leave those of the speakers that stay.
    delete(DistinctSpeakers).where(exists().where(StagedSpeaker.states_differences)),
    insert(DistinctSpeakers).from_select(["lower_id", "higher_id"], DIFFERENT),
)
