"""Applying an `IdentityPlan`. The caller holds `storage.speakers.speakers.lock`, also while the plan was made."""

from typing import Any

from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.identity.plan import Assignment, IdentityPlan, NewSpeaker, ParticipantKey
from pipeline.types import Participant
from storage.speakers import speakers
from storage.tables.tables import ParticipantRow


async def apply_participants(session: AsyncSession, conversation_id: int, plan: IdentityPlan) -> dict[ParticipantKey, int]:
    """Create the plan's new speakers and participants, and assign speakers to participants.

    Returns the ids of all participants that the plan names, by their keys.
    """
    created: dict[NewSpeaker, int] = {}
    for assignment in plan.assignments:
        if isinstance(assignment.speaker, NewSpeaker) and assignment.speaker not in created:
            created[assignment.speaker] = await speakers.create_unknown(session)
    ids: dict[ParticipantKey, int] = {}
    for person in plan.added:
        ids[person.label] = await _add(session, conversation_id, person, plan.assignment_of.get(person.label), created)
    for assignment in plan.assignments:
        if isinstance(assignment.participant, int):
            ids[assignment.participant] = assignment.participant
            change = update(ParticipantRow).where(ParticipantRow.id == assignment.participant)
            await session.execute(change.values(_assigned(assignment, created)))
    return ids


async def _add(
    session: AsyncSession,
    conversation_id: int,
    person: Participant,
    assignment: Assignment | None,
    created: dict[NewSpeaker, int],
) -> int:
    values: dict[str, Any] = {
        "conversation_id": conversation_id,
        "label": person.label,
        "speech": person.speech,
        "vector": person.voiceprint and person.voiceprint.vector,
        "model": person.voiceprint and person.voiceprint.model,
    }
    if assignment is not None:
        values |= _assigned(assignment, created)
    return (await session.execute(insert(ParticipantRow).values(values).returning(ParticipantRow.id))).scalar_one()


def _assigned(assignment: Assignment, created: dict[NewSpeaker, int]) -> dict[str, Any]:
    speaker = assignment.speaker
    return {
        "speaker_id": created[speaker] if isinstance(speaker, NewSpeaker) else speaker,
        "confidence": assignment.similarity,
        "enrolled": assignment.enrolled,
    }
