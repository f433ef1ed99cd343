"""Storing what the stages found in a recording, with the speakers of its voices."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.identity.plan import IdentityPlan
from pipeline.identity.policy import IdentityPolicy
from pipeline.identity.segment_reassignment import disputed_segments
from pipeline.identity.transcripts import all_participants, plan_transcript
from pipeline.types import Participant, Transcript
from services.identity.speaker_changes import SpeakerChange
from services.identity.unknown_speakers import merge_matching
from storage import vocabulary
from storage.conversations import conversations
from storage.conversations import transcripts as stored
from storage.emotions import emotions, profiles
from storage.speakers import identity_plans, identity_values, speakers


async def save(session: AsyncSession, conversation_id: int, transcript: Transcript, policy: IdentityPolicy) -> None:
    """Store the transcript of a conversation, in place of the one it may have, and mark the conversation completed.

    `pipeline.identity.transcripts` decides who the participants are. Unknown speakers that the new voices show to be other
    speakers are merged (`services.identity.unknown_speakers`). Transcripts are stored one at a time, so that two that bring the
    same new voice at the same moment make one speaker of it. The voices of the former transcript still count as references:
    its names are kept.

    Raises LookupError where the conversation was deleted meanwhile, ValueError where the transcript contradicts itself.
    """
    await speakers.lock(session)
    await stored.lock_conversation(session, conversation_id)
    people = all_participants(transcript)
    threshold = policy.voice.speaker_threshold
    disputed = disputed_segments(transcript.segments, people, threshold)
    nearby = await identity_values.near_transcript(session, people, disputed, threshold)
    plan = plan_transcript(people, disputed, nearby, threshold)
    former = await stored.delete_transcript(session, conversation_id)
    await _store(session, conversation_id, transcript, plan)
    await _merge_unknown(session, policy, people, plan)
    await speakers.delete_orphaned(session, former)
    for speaker_id in sorted(await profiles.speakers_with_profiles(session, former)):
        await emotions.recompute(session, speaker_id)
    await emotions.redetect(session, settings=policy.voice, conversation_id=conversation_id, personalized=policy.personalized)
    await conversations.complete(session, conversation_id, transcript.duration, transcript.language, transcript.notes)
    gone = await vocabulary.gone(session, transcript.hotword_names)
    await conversations.set_hotwords(session, conversation_id, [word for word in transcript.hotwords if word not in gone])


async def _store(session: AsyncSession, conversation_id: int, transcript: Transcript, plan: IdentityPlan) -> None:
    applied = await identity_plans.apply_participants(session, conversation_id, plan)
    participant_of = {label: applied.participant_id(key) for label, key in plan.participant_of.items()}
    owners: list[tuple[int, float | None]] = [(participant_of[segment.speaker], None) for segment in transcript.segments]
    for move in plan.moves:
        owners[move.segment] = applied.participant_id(move.target), move.confidence
    await stored.insert_segments(session, conversation_id, transcript.segments, owners)
    await stored.insert_turns(session, conversation_id, transcript.turns, participant_of)
    await identity_plans.recompute_vectors(session, plan, applied)


async def _merge_unknown(
    session: AsyncSession, policy: IdentityPolicy, people: Sequence[Participant], plan: IdentityPlan
) -> None:
    """Merge unknown speakers into those that these voices, where they were recognised, show them to be."""
    recognised = [
        person.voiceprint.vector
        for person in people
        if person.voiceprint is not None
        and person.voiceprint.model == policy.model
        and plan.assignment_of[person.label].similarity is not None
    ]
    change = SpeakerChange(session)
    await merge_matching(change, policy, recognised)
    await change.save()
