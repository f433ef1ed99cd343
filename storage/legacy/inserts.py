"""Store rows of the reference system's database. Ids that are free here are kept: clients may remember them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import exists, insert, select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.formats.profile_file import EMOTION_MODEL, VOICE_MODEL
from pipeline.identity.matching import is_unknown
from pipeline.types import Note, Turn, Voiceprint
from storage.conversations import audio_keys
from storage.conversations.transcripts import BATCH, SEGMENTS, insert_turns
from storage.legacy.rows import LegacyConversation, LegacyEmotionProfile, LegacyLabel, LegacySegment, LegacySpeaker
from storage.postgres.conditions import one_of
from storage.speakers import speakers
from storage.tables import (
    Base,
    Conversation,
    EmotionProfile,
    LabelRow,
    ParticipantRow,
    SegmentRow,
    Speaker,
    VoiceprintRow,
    VoiceRow,
    spoken_by,
)
from storage.tables.sequences import last_id

SOURCE = "imported"
MAX_KEPT_ID = 10**9
"""The highest id that is kept; the ids of a table end at 2,147,483,647."""


@dataclass(frozen=True, slots=True)
class ImportedParticipant:
    """One voice in one conversation; its label is local to that."""

    label: str
    speaker_id: int | None
    confidence: float | None
    speech: float
    voice: Voiceprint | None


async def reserve_ids(session: AsyncSession, highest: Mapping[type[Base], int]) -> None:
    """Have PostgreSQL give out ids above those of the file, so that these stay free for it."""
    for table, id_ in highest.items():
        name = table.__tablename__
        await session.execute(text(f"LOCK TABLE {name} IN SHARE ROW EXCLUSIVE MODE"))
        last = await session.scalar(select(last_id(table))) or 0
        if last < (highest_kept := min(id_, MAX_KEPT_ID)):
            await session.execute(text(f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), :id)"), {"id": highest_kept})


async def known_uuids(session: AsyncSession, uuids: Collection[UUID]) -> set[UUID]:
    return set(await session.scalars(select(Conversation.uuid).where(Conversation.uuid.in_(list(uuids)))))


async def find_or_add_speaker(session: AsyncSession, speaker: LegacySpeaker) -> tuple[int, bool]:
    """The id of the speaker here, and whether it is new. The caller holds `speakers.lock`.

    A speaker is the same who has the same imported voice, whatever the name is by now, or the same given name.
    """
    found = await _same_voice(session, speaker)
    if found is None and not is_unknown(speaker.name):
        found = await speakers.find(session, speaker.name)
    if found is not None:
        return found, False
    values: dict[str, Any] = {"name": speaker.name, "emotion_threshold": speaker.emotion_threshold}
    values |= {name: at for name in ("created_at", "updated_at") if (at := getattr(speaker, name)) is not None}
    values |= await _kept_id(session, Speaker, speaker.id)
    added = upsert(Speaker).values(values).on_conflict_do_nothing(index_elements=[Speaker.name_key]).returning(Speaker.id)
    new = await session.scalar(added)
    if new is None:  # two databases give one name to two unknown voices
        new = await speakers.create_unknown(session)
    if speaker.voice is not None:
        session.add(VoiceprintRow(speaker_id=new, vector=speaker.voice, model=VOICE_MODEL, source=SOURCE))
        await session.flush()
    return new, True


async def _same_voice(session: AsyncSession, speaker: LegacySpeaker) -> int | None:
    if speaker.voice is None:
        return None
    same = (VoiceprintRow.model == VOICE_MODEL, VoiceprintRow.source == SOURCE, VoiceprintRow.vector == speaker.voice)
    return await session.scalar(select(VoiceprintRow.speaker_id).where(*same).limit(1))


async def add_emotion_profile(session: AsyncSession, speaker_id: int, profile: LegacyEmotionProfile) -> None:
    """Store the means as imported samples. A profile of the emotion that the speaker has stays."""
    values: dict[str, Any] = {
        "speaker_id": speaker_id,
        "emotion_category": profile.emotion,
        "vector": profile.vector,
        "imported_vector": profile.vector,
        "model": EMOTION_MODEL,
        "sample_count": profile.sample_count,
        "imported_count": profile.sample_count,
        "confidence_threshold": profile.confidence_threshold,
        "voice_vector": profile.voice,
        "imported_voice_vector": profile.voice,
        "voice_model": None if profile.voice is None else VOICE_MODEL,
        "voice_sample_count": profile.voice_sample_count,
        "imported_voice_count": profile.voice_sample_count,
        "voice_threshold": profile.voice_threshold,
    }
    values |= {name: at for name in ("created_at", "updated_at") if (at := getattr(profile, name)) is not None}
    key = [EmotionProfile.speaker_id, EmotionProfile.emotion_category]
    await session.execute(upsert(EmotionProfile).values(values).on_conflict_do_nothing(index_elements=key))


async def add_conversation(
    session: AsyncSession, conversation: LegacyConversation, values: Mapping[str, Any], notes: Sequence[Note]
) -> int:
    """Store a conversation without its segments; returns its id here."""
    row = {"uuid": conversation.uuid, "title": conversation.title, "notes": tuple(notes), **values}
    row |= await _kept_id(session, Conversation, conversation.id)
    if (key := row["audio_key"]) is not None:
        await audio_keys.lock(session, key)
    return (await session.execute(insert(Conversation).values(row).returning(Conversation.id))).scalar_one()


async def add_participants(
    session: AsyncSession, conversation_id: int, participants: Sequence[ImportedParticipant]
) -> dict[str, int]:
    """Returns their ids by label."""
    ids: dict[str, int] = {}
    for participant in participants:
        voice = participant.voice
        row = ParticipantRow(
            conversation_id=conversation_id,
            label=participant.label,
            voice_id=participant.speaker_id,
            confidence=participant.confidence,
            speech_seconds=participant.speech,
            vector=voice and voice.vector,
            model=voice and voice.model,
        )
        session.add(row)
        await session.flush()
        ids[participant.label] = row.id
    return ids


async def add_segments(
    session: AsyncSession,
    conversation_id: int,
    segments: Sequence[tuple[LegacySegment, str]],
    participant_of: Mapping[str, int],
) -> dict[int, int]:
    """Store segments, each with the label of its participant, and turns of the same times. Returns their ids by the file's."""
    turns = [Turn(segment.start, segment.end, label) for segment, label in segments]
    await insert_turns(session, conversation_id, turns, participant_of)
    kept = [segment.id for segment, _ in segments if segment.id <= MAX_KEPT_ID]
    taken = set(await session.scalars(select(SegmentRow.id).where(one_of(SegmentRow.id, kept))))
    free = set(kept) - taken
    new = iter(await _new_ids(session, len(segments) - len(free)))
    ids = {segment.id: segment.id if segment.id in free else next(new) for segment, _ in segments}
    for first in range(0, len(segments), BATCH):
        batch = [
            _segment_values(segment)
            | {
                "id": ids[segment.id],
                "conversation_id": conversation_id,
                "participant_id": participant_of[label],
                "position": first + number,
            }
            for number, (segment, label) in enumerate(segments[first : first + BATCH])
        ]
        await session.execute(insert(SEGMENTS), batch)
    return ids


async def add_labels(session: AsyncSession, labels: Iterable[LegacyLabel], segment_ids: Mapping[int, int]) -> int:
    """Store the labels of segments that were imported; returns their number."""
    number = 0
    for label in labels:
        if (segment_id := segment_ids.get(label.segment_id)) is not None:
            row: dict[str, Any] = {"speaker_name": label.speaker_name, "labeled_by": label.labeled_by, "notes": label.notes}
            row |= {} if label.labeled_at is None else {"labeled_at": label.labeled_at}
            new = upsert(LabelRow).values(segment_id=segment_id, **row)
            await session.execute(new.on_conflict_do_update(index_elements=[LabelRow.segment_id], set_=row))  # the latest
            number += 1
    return number


async def without_voice(session: AsyncSession, speaker_ids: Sequence[int], model: str) -> list[str]:
    """The names of those of the speakers that have no reference of `model`."""
    heard = exists().where(spoken_by(VoiceRow.speaker_id == Speaker.id), ParticipantRow.model == model, ParticipantRow.enrolled)
    given = exists().where(VoiceprintRow.speaker_id == Speaker.id, VoiceprintRow.model == model)
    names = select(Speaker.name).where(one_of(Speaker.id, speaker_ids), ~heard, ~given).order_by(Speaker.name)
    return list(await session.scalars(names))


def _segment_values(segment: LegacySegment) -> dict[str, Any]:
    return {
        "start_offset": segment.start,
        "end_offset": segment.end,
        "text": segment.text,
        "words": segment.words,
        "avg_logprob": segment.avg_logprob,
        "confidence": segment.confidence,
        "is_misidentified": segment.is_misidentified,
        "emotion_category": segment.emotion,
        "emotion_confidence": segment.emotion_confidence,
        "emotion_vector": segment.emotion_vector,
        "emotion_model": None if segment.emotion_vector is None else EMOTION_MODEL,
        "emotion_corrected": segment.emotion_corrected,
        "emotion_corrected_at": segment.emotion_corrected_at,
        "emotion_misidentified": segment.emotion_misidentified,
        "emotion_learned": not segment.emotion_corrected,  # the imported profile of the speaker includes it already
        "detector_breakdown": segment.detector_breakdown,
    }


async def _kept_id(session: AsyncSession, table: type[Speaker | Conversation], id_: int) -> dict[str, int]:
    """The id as a column to insert, if it is free here."""
    if id_ > MAX_KEPT_ID or await session.scalar(select(table.id).where(table.id == id_)) is not None:
        return {}
    return {"id": id_}


async def _new_ids(session: AsyncSession, number: int) -> list[int]:
    sequence = "nextval(pg_get_serial_sequence('segments', 'id'))"
    return list(await session.scalars(text(f"SELECT {sequence} FROM generate_series(1, :number)"), {"number": number}))
