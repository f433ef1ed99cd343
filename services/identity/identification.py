"""Identifying the speaker of a segment, and marking a segment as not its speaker's voice.

`pipeline.identity.identification` decides what follows. Each identification can be undone (`services.identity.undo`).
"""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.identity.identification import names_voice, plan_identification
from pipeline.identity.matching import Neighbours
from pipeline.identity.policy import IdentityPolicy
from pipeline.identity.state import ParticipantState
from services.access import audit
from services.errors import SegmentNotFoundError
from services.identity import emotion_refresh, recorded_plans, unknown_speakers
from services.identity.speaker_changes import SpeakerChange
from storage.speakers import identity_values, participants, references, segment_speakers, speakers


class IdentificationError(ValueError):
    """The request contradicts itself; the message says how."""


@dataclass(frozen=True, slots=True)
class Identification:
    speaker_id: int
    speaker_name: str
    created: bool
    """The speaker had no name before."""
    enrolled: bool
    """The voice is a reference of the speaker now."""
    segments_updated: int
    """Segments that have another speaker, or another name, this one included."""


@dataclass(frozen=True, slots=True)
class Mark:
    is_misidentified: bool
    embedding_recalculated: bool
    """The vector of its participant is another without this segment, or with it."""


async def identify(
    session: AsyncSession,
    policy: IdentityPolicy,
    conversation_id: int,
    segment_id: int,
    *,
    speaker_id: int | None = None,
    speaker_name: str | None = None,
    enroll: bool = True,
    only_this: bool = False,
) -> Identification:
    """Store who speaks a segment: an existing speaker, by id or name, or a new one with this name.

    With `enroll` false the voice does not become a reference of the (existing) speaker; with `only_this` not even an unknown
    voice is named elsewhere. Raises SegmentNotFoundError, SpeakerNotFoundError, IdentificationError.
    """
    await speakers.lock(session)
    people, person = await _participants(session, conversation_id, segment_id)
    target = await _target(session, speaker_id, speaker_name)
    if target is None and not speaker_name:
        raise IdentificationError("speaker_name required for new speaker")
    if target is None and not enroll:
        raise IdentificationError("Must enroll new speaker (enroll=True)")
    former_id = person.speaker if isinstance(person.speaker, int) else None
    former_name = None if former_id is None else await speakers.name_of(session, former_id)
    compared = await _compare(session, policy, person) if enroll and target else None
    updated = await _count_segments(session, person) if names_voice(person, target, only_this=only_this) else 1
    plan, speaker = plan_identification(
        segment_id, person, people, target, speaker_name or "", enroll=enroll, only_this=only_this
    )
    change = SpeakerChange(session)
    applied = await recorded_plans.apply(change, policy, conversation_id, plan)
    identified = applied.speaker_id(speaker)
    await change.recompute()
    if only_this and former_id is not None and (gone := await speakers.orphaned(session, [former_id])):
        await change.remove(gone)
    concerned = {identified} | ({former_id} if former_id is not None else set())
    touched = {person.id} | change.participants  # where the segment was, and where it is now
    if await emotion_refresh.is_needed(session, concerned, touched, change.participants):
        await emotion_refresh.refresh(session, policy, concerned, touched)
    candidates = {speaker for near in await compared for speaker in near} if compared else set()
    await unknown_speakers.merge_certain(change, policy, candidates | {identified})
    name = await speakers.name_of(session, identified)
    await change.save(f"A line of {former_name or 'an unknown voice'} was identified as {name}")
    await audit.record(session, "speaker.reassign" if only_this else "speaker.identify", f"segment:{segment_id}")
    enrolled = await segment_speakers.is_reference(session, segment_id)
    return Identification(identified, name, target is None, enrolled, updated)


async def mark_misidentified(
    session: AsyncSession, policy: IdentityPolicy, conversation_id: int, segment_id: int, is_misidentified: bool
) -> Mark:
    """Mark a segment as not its speaker's voice, or take the mark away; its participant's vector is computed again.

    Raises SegmentNotFoundError.
    """
    await speakers.lock(session)
    _, person = await _participants(session, conversation_id, segment_id)
    await audit.record(session, "segment.mark", f"segment:{segment_id}")
    if not await segment_speakers.set_misidentified(session, segment_id, is_misidentified):
        return Mark(is_misidentified, False)
    recalculated = await participants.recompute(session, [person.id])
    if isinstance(person.speaker, int):
        await emotion_refresh.refresh(session, policy, {person.speaker}, {person.id})
    return Mark(is_misidentified, bool(recalculated))


async def _participants(
    session: AsyncSession, conversation_id: int, segment_id: int
) -> tuple[list[ParticipantState], ParticipantState]:
    """The participants of the conversation, and that of the segment."""
    participant_id = await segment_speakers.lock_participant(session, conversation_id, segment_id)
    if participant_id is None:
        raise SegmentNotFoundError
    people = await identity_values.participants(session, conversation_id)
    return people, next(person for person in people if person.key == participant_id)


async def _target(session: AsyncSession, speaker_id: int | None, name: str | None) -> int | None:
    if speaker_id is not None:
        await speakers.name_of(session, speaker_id)
        return speaker_id
    return await speakers.find(session, name) if name else None


async def _compare(
    session: AsyncSession, policy: IdentityPolicy, person: ParticipantState
) -> Awaitable[Sequence[Neighbours]] | None:
    """Start to find the speakers near an unknown voice that is about to become a reference of a known speaker."""
    voice = person.voiceprint
    if voice is None or voice.model != policy.model or person.is_named:
        return None
    return await references.comparison(session, voice.vector[None], policy.model, policy.voice.speaker_threshold)


async def _count_segments(session: AsyncSession, person: ParticipantState) -> int:
    """How many segments the participant's voice has, in all conversations where it has a speaker."""
    if isinstance(person.speaker, int):
        return await speakers.count_segments(session, person.speaker)
    return await participants.count_segments(session, [person.id])
