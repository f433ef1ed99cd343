"""Find everything by which stored copies know a person who is erased, and remove it from the tables.

The caller holds `storage.speakers.speakers.lock`.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.identity.erased_person import ErasedPerson, mentions
from pipeline.names import key
from pipeline.types import Vector
from storage.postgres.conditions import one_of
from storage.speakers import change_erasure, erased_hotwords
from storage.speakers.change_erasure import Mentioned, StoredChange
from storage.speakers.change_steps import ParticipantsAssigned, SpeakerCopy, SpeakerRenamed, SpeakersRemoved
from storage.speakers.speakers import SpeakerNotFoundError
from storage.tables import (
    Conversation,
    EmotionProfile,
    JobRow,
    JobStageRow,
    LabelRow,
    ParticipantRow,
    SegmentRow,
    Speaker,
    VoiceprintRow,
    VoiceRow,
    spoken_by,
)
from storage.tables.names import key_of


class _Search:
    """Follows ids and names through the undo history: merges, renamings, and deleted speakers of the same name."""

    def __init__(self, speaker_id: int, alive: dict[int, tuple[str, datetime]]) -> None:
        self.alive = alive
        self.speakers = {speaker_id}
        self.names: set[str] = set()
        self.rows: set[tuple[int, datetime]] = set()
        self.unassigned: set[int] = set()
        """Participants that were the person's when the speaker was deleted."""
        self._target = speaker_id
        if speaker_id in alive:
            name, created_at = alive[speaker_id]
            self.names.add(name)
            self.rows.add((speaker_id, created_at))

    def read(self, change: StoredChange) -> None:
        if change.record is None:
            return
        if not change.is_undone:
            self.speakers |= {source for source, target in change.record.merged if target in self.speakers} - self._others()
        for step in change.record.steps:
            match step:
                case SpeakerRenamed() if step.speaker in self.speakers:
                    self.names |= {step.former, step.name}
                case SpeakersRemoved():
                    self._read_removed(step.speakers)
                case ParticipantsAssigned(source=int(source), target=None) if source in self.speakers:
                    self.unassigned |= set(step.participants)

    def _read_removed(self, copies: Iterable[SpeakerCopy]) -> None:
        for copy in copies:
            if copy.id in self.speakers or (key(copy.name) in map(key, self.names) and copy.id not in self._others()):
                self.speakers.add(copy.id)
                self.names.add(copy.name)
                self.rows.add((copy.id, copy.created_at))

    def _others(self) -> set[int]:
        return self.alive.keys() - {self._target}

    def size(self) -> tuple[int, int, int]:
        return len(self.speakers), len(self.names), len(self.unassigned)


async def find(session: AsyncSession, speaker_id: int) -> ErasedPerson:
    """The speaker, also one that was deleted and is in the undo history. Raises SpeakerNotFoundError."""
    stored = await session.execute(select(Speaker.id, Speaker.name, Speaker.created_at))
    search = _Search(speaker_id, {row.id: (row.name, row.created_at) for row in stored})
    before = None
    while search.size() != before:  # the change that relates a merge to the speaker may be before or after it
        before = search.size()
        async for change in change_erasure.read_all(session):
            search.read(change)
    if not search.rows:
        raise SpeakerNotFoundError
    others = {key(name) for id_, (name, _) in search.alive.items() if id_ != speaker_id}
    own = or_(
        spoken_by(one_of(VoiceRow.speaker_id, sorted(search.speakers))),
        one_of(ParticipantRow.id, sorted(search.unassigned)) & ParticipantRow.voice_id.is_(None),
    )
    columns = (ParticipantRow.id, Conversation.uuid, ParticipantRow.vector)
    people = (await session.execute(select(*columns).join(Conversation).where(own))).all()
    return ErasedPerson(
        names=frozenset(name for name in search.names if key(name) not in others),
        speakers=frozenset(search.speakers),
        rows=frozenset(search.rows),
        participants=frozenset(row.id for row in people),
        voices=frozenset((row.uuid, row.id) for row in people),
        vectors=frozenset(_bytes([row.vector for row in people] + await _references(session, search.speakers))),
    )


async def remove(session: AsyncSession, person: ErasedPerson) -> None:
    """Delete the speakers; their participants and segments stay without a speaker and without vectors."""
    participants = sorted(person.participants)
    none: dict[str, Any] = {"voice_id": None, "confidence": None, "vector": None, "model": None}
    await session.execute(update(ParticipantRow).where(one_of(ParticipantRow.id, participants)).values(none))
    vectors = ("emotion_vector", "emotion_model", "voice_vector", "voice_model", "confidence", "detector_breakdown")
    own = update(SegmentRow).where(one_of(SegmentRow.participant_id, participants))
    await session.execute(own.values(dict.fromkeys(vectors)))
    await session.execute(delete(Speaker).where(one_of(Speaker.id, sorted(person.speakers))))
    await _remove_names(session, person.names)
    # An attempt that is still running has its vectors in memory, and the next one computes them again.
    recordings = select(ParticipantRow.conversation_id).where(one_of(ParticipantRow.id, participants))
    jobs = select(JobRow.id).where(JobRow.conversation_id.in_(recordings))
    await session.execute(delete(JobStageRow).where(JobStageRow.job_id.in_(jobs)))


async def remove_changes(session: AsyncSession, person: ErasedPerson) -> None:
    """Remove the changes about the person from the undo history, and those that this program cannot read."""

    names = {key(name) for name in person.names}

    def is_about(description: str, found: Mentioned) -> bool:
        return (
            not found.speakers.isdisjoint(person.speakers)
            or not found.participants.isdisjoint(person.participants)
            or not names.isdisjoint(map(key, found.names))
            or mentions(description, person.names)
        )

    await change_erasure.remove(session, is_about)


async def conversations_of(session: AsyncSession, person: ErasedPerson) -> Sequence[int]:
    """The conversations in which the person speaks."""
    found = select(ParticipantRow.conversation_id).where(one_of(ParticipantRow.id, sorted(person.participants)))
    return (await session.scalars(found.distinct().order_by(ParticipantRow.conversation_id))).all()


async def _references(session: AsyncSession, speakers: Collection[int]) -> list[Vector | None]:
    def of(table: type[VoiceprintRow] | type[EmotionProfile], vector: Any) -> Select[Any]:
        return select(vector).where(one_of(table.speaker_id, sorted(speakers)))

    queries = [of(VoiceprintRow, VoiceprintRow.vector), of(EmotionProfile, EmotionProfile.voice_vector)]
    return [vector for query in queries for vector in await session.scalars(query)]


def _bytes(vectors: Iterable[Vector | None]) -> Iterable[bytes]:
    return (vector.tobytes() for vector in vectors if vector is not None)


async def _remove_names(session: AsyncSession, names: Collection[str]) -> None:
    """Names in hot words, in labels, and in the reasons of emotions that were decided for former segments of the person."""
    given = list(names)
    if not given:
        return
    await erased_hotwords.remove(session, given)
    keys = [key_of(name) for name in given]
    await session.execute(delete(LabelRow).where(key_of(LabelRow.speaker_name).in_(keys)))
    await session.execute(update(LabelRow).where(key_of(LabelRow.labeled_by).in_(keys)).values(labeled_by=None))
    reason = func.jsonb_extract_path_text(SegmentRow.detector_breakdown, "final_decision", "reason")
    noted: Sequence[tuple[Any, Any, dict[str, Any]]] = (
        (LabelRow.segment_id, LabelRow.notes, {"notes": None}),
        (SegmentRow.id, reason, {"detector_breakdown": None}),
    )
    for id_, content, cleared in noted:
        found = await session.execute(select(id_, content).where(or_(*(func.strpos(key_of(content), one) > 0 for one in keys))))
        ids = [row[0] for row in found if mentions(row[1], names)]
        await session.execute(update(id_.class_).where(id_.in_(ids)).values(cleared))
