"""Applying an `IdentityPlan`. The caller holds `storage.speakers.speakers.lock`, also while the plan was made."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.identity.plan import Assignment, IdentityPlan, NewSpeaker, ParticipantKey, SpeakerKey
from pipeline.types import Participant
from storage.postgres.conditions import one_of
from storage.speakers import participants, speakers
from storage.tables import ParticipantRow, SegmentRow


@dataclass(frozen=True, slots=True)
class AppliedPlan:
    """The ids of what a plan created."""

    participants: Mapping[str, int]
    """By their labels."""
    speakers: Mapping[NewSpeaker, int]

    def participant_id(self, key: ParticipantKey) -> int:
        return key if isinstance(key, int) else self.participants[key]

    def speaker_id(self, key: SpeakerKey) -> int:
        return key if isinstance(key, int) else self.speakers[key]


async def apply(session: AsyncSession, conversation_id: int, plan: IdentityPlan) -> AppliedPlan:
    """Apply the plan to a conversation with stored segments."""
    applied = await apply_participants(session, conversation_id, plan)
    segments_of: defaultdict[tuple[int, float | None], list[int]] = defaultdict(list)
    for move in plan.moves:
        segments_of[applied.participant_id(move.target), move.confidence].append(move.segment)
    for (target, confidence), segments in segments_of.items():
        change = update(SegmentRow).where(one_of(SegmentRow.id, segments))
        await session.execute(change.values(participant_id=target, confidence=confidence))
    if plan.misidentified:
        marked = update(SegmentRow).where(one_of(SegmentRow.id, plan.misidentified))
        await session.execute(marked.values(is_misidentified=True))
    await recompute_vectors(session, plan, applied)
    return applied


async def apply_participants(session: AsyncSession, conversation_id: int, plan: IdentityPlan) -> AppliedPlan:
    """Create the plan's speakers and participants and change the stored participants; segments are left to the caller."""
    created: dict[NewSpeaker, int] = {}
    for assignment in plan.assignments:
        if isinstance(assignment.speaker, NewSpeaker) and assignment.speaker not in created:
            created[assignment.speaker] = await speakers.create_unknown(session)
    added: dict[str, int] = {}
    for person in plan.added:  # one by one: a participant without a lasting speaker is called by the order of the ids
        values = _new_values(conversation_id, person)
        if person.label in plan.assignment_of:
            values |= _assigned_values(plan.assignment_of[person.label], created)
        new = insert(ParticipantRow).values(values).returning(ParticipantRow.id)
        added[person.label] = (await session.execute(new)).scalar_one()
    for assignment in plan.assignments:
        if isinstance(assignment.participant, int):
            change = update(ParticipantRow).where(ParticipantRow.id == assignment.participant)
            await session.execute(change.values(_assigned_values(assignment, created)))
    for voice in plan.voice_updates:
        heard: dict[str, Any] = {"speech_seconds": voice.speech_seconds}
        if voice.voiceprint is not None:
            heard |= {"vector": voice.voiceprint.vector, "model": voice.voiceprint.model}
        await session.execute(update(ParticipantRow).where(ParticipantRow.id == voice.participant).values(heard))
    return AppliedPlan(added, created)


async def recompute_vectors(session: AsyncSession, plan: IdentityPlan, applied: AppliedPlan) -> None:
    """Compute the vectors of participants with changed segments, once these are stored."""
    await participants.recompute(session, sorted(applied.participant_id(key) for key in plan.recomputed))


def _new_values(conversation_id: int, person: Participant) -> dict[str, Any]:
    return {
        "conversation_id": conversation_id,
        "label": person.label,
        "speech_seconds": person.speech_seconds,
        "vector": person.voiceprint and person.voiceprint.vector,
        "model": person.voiceprint and person.voiceprint.model,
    }


def _assigned_values(assignment: Assignment, created: Mapping[NewSpeaker, int]) -> dict[str, Any]:
    speaker = assignment.speaker
    return {
        "voice_id": created[speaker] if isinstance(speaker, NewSpeaker) else speaker,
        "confidence": assignment.similarity,
        "enrolled": assignment.enrolled,
    }
