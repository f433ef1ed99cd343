"""Applying an `IdentityPlan` as part of a change that can be undone (`services.identity.undo`)."""

from pipeline.identity.plan import CONFIRMED, IdentityPlan, NewSpeaker
from pipeline.identity.policy import IdentityPolicy
from services.identity import merging
from services.identity.speaker_changes import SpeakerChange
from storage.speakers import participants
from storage.speakers.identity_plans import AppliedPlan


async def apply(change: SpeakerChange, policy: IdentityPolicy, conversation_id: int, plan: IdentityPlan) -> AppliedPlan:
    """Apply the plan of an identification in a conversation. Raises SpeakerNotFoundError, NameTakenError."""
    created: dict[NewSpeaker, int] = {}
    for assignment in plan.assignments:
        if isinstance(assignment.speaker, NewSpeaker) and assignment.speaker.name is not None:
            created[assignment.speaker] = await change.create_speaker(assignment.speaker.name)
    for speaker_id, name in plan.renames.items():
        await change.rename(speaker_id, name)
    await apply_merges(change, policy, plan)
    added: dict[str, int] = {}
    applied = AppliedPlan(added, created)
    for assignment in plan.assignments:
        speaker = None if assignment.speaker is None else applied.speaker_id(assignment.speaker)
        if isinstance(assignment.participant, str):
            enrolled = assignment.enrolled
            added[assignment.participant] = await change.add_participant(conversation_id, speaker, enrolled=enrolled)
            continue
        id_ = assignment.participant
        source = (await participants.speakers_of(change.session, [id_]))[id_]
        if source != speaker:
            await change.give(source, speaker, [id_])
        await change.enroll([id_], enrolled=assignment.enrolled)
    for move in plan.moves:
        if move.source != move.target:
            await change.move(move.segment, applied.participant_id(move.target))
        if move.confidence == CONFIRMED:
            await change.confirm(move.segment)
    return applied


async def apply_merges(change: SpeakerChange, policy: IdentityPolicy, plan: IdentityPlan) -> None:
    """Apply the merges of a plan. Raises SpeakerNotFoundError."""
    for merge in plan.merges:
        await merging.merge(change, policy, merge.source, merge.target, enrolled=merge.enrolled)
