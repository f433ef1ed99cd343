"""A transcript that is already stored, made again: from the recording, or from the stored voices.

`pipeline.identity.reprocessing` decides what becomes of the speakers that people named.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.identity.policy import IdentityPolicy
from pipeline.identity.reprocessing import ConversationState, matched_again, plan_carry_over, plan_rematch
from pipeline.identity.state import ParticipantState
from pipeline.transcript.carry_over import carry, sources
from pipeline.types import Transcript, Word
from services.identity import transcripts
from storage.conversations import conversations, labels, segments
from storage.emotions import corrections, emotions, profiles
from storage.speakers import identity_plans, identity_values, participants, references, speakers


@dataclass(frozen=True, slots=True)
class Changed:
    voices: int
    """Participants that have another speaker than before."""
    segments: int
    """Their segments."""


async def rematch(session: AsyncSession, conversation_id: int, policy: IdentityPolicy) -> Changed:
    """Match the participants of a conversation with the speakers that are known now. The recording is not read.

    Raises LookupError where there is no such conversation, ConversationBusyError while its recording is in work.
    """
    await speakers.lock(session)
    await conversations.lock_idle(session, conversation_id)
    before = await identity_values.participants(session, conversation_id)
    again = matched_again(before, policy.model)
    await participants.clear_speakers(session, [person.id for person in again])
    voices = [(person.voiceprint, person.speech_seconds) for person in again if person.voiceprint is not None]
    near = await identity_values.near_speakers(session, voices, policy.voice.speaker_threshold)
    known = await references.count(session, _speakers_of(again))
    plan = plan_rematch(again, {p.key: found for p, found in zip(again, near, strict=True)}, known, policy.model)
    await identity_plans.apply(session, conversation_id, plan)
    return await _update_emotions(session, conversation_id, before, before, policy)


async def replace(session: AsyncSession, conversation_id: int, transcript: Transcript, policy: IdentityPolicy) -> None:
    """Store the transcript of a conversation, in place of the one it may have, with what people corrected in that one.

    Raises as `transcripts.save` does.
    """
    await speakers.lock(session)
    former = await _state(session, conversation_id)
    if not former.participants:
        await transcripts.save(session, conversation_id, transcript, policy)
        return
    corrected = await corrections.of_conversation(session, conversation_id)
    labelled = {label.segment_id: label for label in await labels.of_conversation(session, conversation_id)}
    thresholds = await profiles.thresholds(session, _speakers_of(former.participants))
    await participants.clear_speakers(session, [person.id for person in former.participants if not person.user_confirmed])
    await transcripts.save(session, conversation_id, transcript, policy)
    new = await _state(session, conversation_id)
    source_of, successor_of = sources(_words(former), _words(new)), carry(_words(former), _words(new))
    known = await references.count(session, _speakers_of(former.participants))
    plan = plan_carry_over(former, new, source_of, successor_of, known)
    await identity_plans.apply(session, conversation_id, plan)
    await corrections.restore(session, {successor_of[id_]: found for id_, found in corrected.items() if id_ in successor_of})
    await labels.restore(session, {id_: labelled[source] for id_, source in source_of.items() if source in labelled})
    await _update_emotions(session, conversation_id, former.participants, new.participants, policy)
    await profiles.restore_thresholds(session, thresholds)


async def _state(session: AsyncSession, conversation_id: int) -> ConversationState:
    people = await identity_values.participants(session, conversation_id)
    return ConversationState(people, await segments.of_conversation(session, conversation_id))


def _words(state: ConversationState) -> Mapping[int, Sequence[Word]]:
    return {segment.id: segment.words or () for segment in state.segments}


def _speakers_of(people: Sequence[ParticipantState]) -> set[int]:
    return {person.speaker for person in people if isinstance(person.speaker, int)}


async def _update_emotions(
    session: AsyncSession,
    conversation_id: int,
    before: Sequence[ParticipantState],
    meanwhile: Sequence[ParticipantState],
    policy: IdentityPolicy,
) -> Changed:
    """Update all that follows from the speakers; returns how the participants differ from `before`."""
    was = {person.key: person.speaker for person in before}
    now = await identity_values.participants(session, conversation_id)
    changed = [person.id for person in now if was.get(person.key, person.speaker) != person.speaker]
    concerned = _speakers_of([*before, *meanwhile, *now])
    for speaker in sorted(concerned):
        await emotions.recompute(session, speaker)
    await speakers.delete_orphaned(session, concerned)
    await emotions.redetect(session, settings=policy.voice, conversation_id=conversation_id, personalized=policy.personalized)
    return Changed(len(changed), await participants.count_segments(session, changed))
