"""The statements of a restore that replace speakers and their voiceprints, in the order in which they run."""

from collections.abc import Sequence

from sqlalchemy import Executable, Text, cast, delete, exists, func, insert, select, update
from sqlalchemy.orm import aliased

from storage.backups.staging import StagedSpeaker, StagedVoiceprint
from storage.speakers.speakers import UNKNOWN
from storage.tables import ParticipantRow, Speaker, VoiceprintRow
from storage.tables.names import key_of
from storage.tables.sequences import last_id, next_id

_other = aliased(StagedSpeaker)
_now = func.now()

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
    .where(ParticipantRow.speaker_id.is_not(None), ~exists().where(StagedSpeaker.id == ParticipantRow.speaker_id))
    .values(speaker_id=None, confidence=None),
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
        ["speaker_id", "vector", "model", "source", "created_at"],
        select(
            StagedSpeaker.id,
            StagedVoiceprint.vector,
            StagedVoiceprint.model,
            StagedVoiceprint.source,
            func.coalesce(StagedVoiceprint.created_at, _now),
        )
        .join(StagedVoiceprint, StagedVoiceprint.file_speaker_id == StagedSpeaker.file_id)
        .order_by(StagedSpeaker.file_id, StagedVoiceprint.id),
    ),
)
