"""Fill the staging tables of a restore from the text of a stored profile."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count, islice
from typing import Any
from uuid import UUID

import numpy as np
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.formats import profile_reader
from pipeline.formats.profile_file import HEADER_KEYS, EmotionProfile, Header, Participant, Reference, Segment, Speaker
from pipeline.types import Vector
from storage.backups import staging
from storage.backups.staging import (
    StagedDifference,
    StagedParticipant,
    StagedProfile,
    StagedSegment,
    StagedSpeaker,
    StagedVoiceprint,
    Staging,
)
from storage.postgres.copy import copy_rows
from storage.tables import Conversation
from storage.tables.names import key_of

BATCH = 1000
"""Rows that are in memory at a time."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class StagedFile:
    """What is kept of a file beside the rows in the staging tables."""

    header: Header
    dimensions: Mapping[str, set[int]]
    """The lengths of its vectors, by embedding model."""


async def load(session: AsyncSession, content: str) -> StagedFile:
    """Create the staging tables, and fill them with the entries of a file."""
    await (await session.connection()).run_sync(staging.create)
    conversations = await session.execute(select(Conversation.uuid, Conversation.id))
    reader = _Reader({row.uuid: row.id for row in conversations})
    rows = reader.rows(content)
    while batch := await asyncio.to_thread(lambda: list(islice(rows, BATCH))):
        tables: defaultdict[type[Staging], list[Row]] = defaultdict(list)
        for table, row in batch:
            tables[table].append(row)
        for table, of_table in tables.items():
            await copy_rows(session, table.__table__, of_table)
    await session.execute(staging.ANALYZE)
    await _number_names(session)
    return StagedFile(Header.model_validate(reader.header), reader.dimensions)


async def _number_names(session: AsyncSession) -> None:
    """Give speakers of a file that have one name in several spellings names of their own: `José`, `José (2)`."""
    key = key_of(StagedSpeaker.name)
    rows = (await session.execute(select(StagedSpeaker.file_id, StagedSpeaker.name, key).order_by(StagedSpeaker.file_id))).all()
    taken = {row[2] for row in rows}
    seen: set[str] = set()
    for file_id, name, name_key in rows:
        if name_key in seen:
            number = next(n for n in count(2) if f"{name_key} ({n})" not in taken)
            taken.add(f"{name_key} ({number})")
            renamed = update(StagedSpeaker).where(StagedSpeaker.file_id == file_id)
            await session.execute(renamed.values(name=f"{name} ({number})"))
        seen.add(name_key)


class _Reader:
    """Makes rows of the entries, each of which is validated again: the tables trust them."""

    def __init__(self, conversations: Mapping[UUID, int]) -> None:
        self._conversations = conversations
        self._conversation_ids = set(conversations.values())
        self._numbers = {table: count() for table in (StagedVoiceprint, StagedProfile, StagedSegment)}
        self.header: dict[str, Any] = {}
        self.dimensions: defaultdict[str, set[int]] = defaultdict(set)

    def rows(self, content: str) -> Iterator[tuple[type[Staging], Row]]:
        for key, value in profile_reader.read(content):
            match key:
                case "speakers":
                    speaker = Speaker.model_validate(value)
                    yield StagedSpeaker, _speaker(speaker)
                    yield from ((StagedVoiceprint, self._voiceprint(speaker.id, one)) for one in speaker.references)
                    yield from ((StagedProfile, self._profile(speaker.id, one)) for one in speaker.emotion_profiles)
                    yield from ((StagedDifference, row) for row in _differences(speaker))
                case "participants":
                    yield StagedParticipant, self._participant(Participant.model_validate(value))
                case "segments":
                    yield StagedSegment, self._segment(Segment.model_validate(value))
                case _ if key in HEADER_KEYS:
                    self.header[key] = value

    def _voiceprint(self, speaker_id: int, reference: Reference) -> Row:
        return {
            "id": next(self._numbers[StagedVoiceprint]),
            "file_speaker_id": speaker_id,
            "vector": self._vector(reference.vector, reference.model),
            "model": reference.model,
            "source": reference.source,
            "created_at": _moment(reference.created_at),
            "speech_seconds": reference.speech_seconds,
        }

    def _profile(self, speaker_id: int, profile: EmotionProfile) -> Row:
        model, voice_model = profile.embedding_model, profile.voice_embedding_model
        return {
            "id": next(self._numbers[StagedProfile]),
            "file_speaker_id": speaker_id,
            "emotion_category": profile.emotion_category,
            "vector": self._vector(profile.embedding, model),
            "model": model,
            "sample_count": profile.sample_count,
            "confidence_threshold": profile.confidence_threshold,
            "voice_vector": self._vector(profile.voice_embedding, voice_model),
            "voice_model": voice_model,
            "voice_sample_count": profile.voice_sample_count,
            "voice_threshold": profile.voice_threshold,
            "imported_vector": self._vector(profile.imported_vector, model),
            "imported_count": profile.imported_count,
            "imported_voice_vector": self._vector(profile.imported_voice_vector, voice_model),
            "imported_voice_count": profile.imported_voice_count,
            "created_at": _moment(profile.created_at),
            "updated_at": _moment(profile.updated_at),
        }

    def _participant(self, participant: Participant) -> Row:
        return {
            "id": participant.id,
            "conversation_id": self._conversations.get(participant.conversation_uuid),
            "label": participant.label,
            "speaker_id": participant.speaker_id,
            "confidence": participant.confidence,
            "enrolled": participant.enrolled,
            "speech": participant.speech,
            "vector": self._vector(participant.vector, participant.model),
            "model": participant.model,
        }

    def _segment(self, segment: Segment) -> Row:
        return {
            "number": next(self._numbers[StagedSegment]),
            "id": segment.id,
            "conversation_id": self._conversation(segment),
            "conversation_uuid": segment.conversation_uuid,
            "participant_id": segment.participant_id,
            "speaker_id": segment.speaker_id,
            "speaker_name": segment.speaker_name,
            "start_offset": segment.start_offset,
            "end_offset": segment.end_offset,
            "confidence": segment.confidence,
            "is_misidentified": segment.is_misidentified,
            "emotion_category": segment.emotion_category,
            "emotion_confidence": segment.emotion_confidence,
            "emotion_corrected": segment.emotion_corrected,
            "emotion_corrected_at": _moment(segment.emotion_corrected_at),
            "emotion_misidentified": segment.emotion_misidentified,
            "emotion_learned": segment.emotion_learned,
            "emotion_vector": self._vector(segment.emotion_vector, segment.emotion_model),
            "emotion_model": segment.emotion_model,
            "voice_vector": self._vector(segment.voice_vector, segment.voice_model),
            "voice_model": segment.voice_model,
        }

    def _conversation(self, segment: Segment) -> int | None:
        """The conversation here. Files of the reference system know conversations by their ids alone."""
        if segment.conversation_uuid is not None:
            return self._conversations.get(segment.conversation_uuid)
        return segment.conversation_id if segment.conversation_id in self._conversation_ids else None

    def _vector(self, values: Sequence[float] | None, model: str | None) -> Vector | None:
        if values is None:
            return None
        assert model is not None
        self.dimensions[model].add(len(values))
        return np.array(values, np.float32)


def _speaker(speaker: Speaker) -> Row:
    return {
        "file_id": speaker.id,
        "name": speaker.name,
        "emotion_threshold": speaker.emotion_threshold,
        "created_at": _moment(speaker.created_at),
        "updated_at": _moment(speaker.updated_at),
        "states_differences": speaker.different_from is not None,
    }


def _differences(speaker: Speaker) -> Iterator[Row]:
    for other in set(speaker.different_from or ()) - {speaker.id}:
        yield {"file_speaker_id": speaker.id, "other_id": other}


def _moment(value: datetime | None) -> datetime | None:
    """A time without an offset is UTC."""
    return value if value is None or value.tzinfo is not None else value.replace(tzinfo=UTC)
