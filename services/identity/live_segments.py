"""Storing the segments of a conversation that is being recorded, with the speakers of their voices, one at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.identity.live_segments import plan_live_segment, unrecognised
from pipeline.identity.matching import MIN_COMPARED_S
from pipeline.identity.plan import IdentityPlan
from pipeline.identity.policy import IdentityPolicy
from pipeline.identity.state import ParticipantState
from pipeline.live.live_segment import ProcessedSegment
from pipeline.types import ConversationSegment, Participant
from services.identity import emotion_refresh, unknown_speakers
from services.identity.speaker_changes import SpeakerChange
from storage.conversations import conversations, live_recordings, segments
from storage.emotions import emotions
from storage.speakers import identity_plans, identity_values, participants, speakers
from storage.speakers.identity_plans import AppliedPlan

MAX_RECOMPUTED_SEGMENTS = 50
"""Segments up to which a participant's vector is computed again with each: more hardly change it, and take time."""


@dataclass(frozen=True, slots=True)
class Counts:
    segments: int
    speakers: int
    languages: Sequence[str]


async def add(
    session: AsyncSession,
    conversation_id: int,
    processed: ProcessedSegment,
    policy: IdentityPolicy,
    num_speakers: int | None = None,
) -> list[ConversationSegment]:
    """Store segments that follow those already stored; `pipeline.identity.live_segments` decides who speaks them.

    Args:
        num_speakers: How many people speak, where that is known.

    Raises LookupError where the conversation is not being recorded any more.
    """
    await speakers.lock(session)
    await live_recordings.lock_recording(session, conversation_id)
    stored = await identity_values.participants(session, conversation_id)
    plan = await _plan(session, processed.participants, stored, policy.voice.speaker_threshold, num_speakers)
    applied = await identity_plans.apply(session, conversation_id, plan)
    await _learn_emotions(session, plan, applied)
    participant_of = {label: applied.participant_id(key) for label, key in plan.participant_of.items()}
    ids = [
        await live_recordings.add_segment(session, conversation_id, participant_of[segment.speaker], segment)
        for segment in processed.segments
    ]
    await _update_participants(session, processed, participant_of, stored)
    await _merge_unknown(session, policy, processed.participants)
    await _detect_emotions(session, policy, participant_of, ids)
    await conversations.add_notes(session, conversation_id, processed.notes)
    return await segments.by_ids(session, conversation_id, ids)


async def add_once(
    session: AsyncSession,
    conversation_id: int,
    processed: ProcessedSegment,
    policy: IdentityPolicy,
    num_speakers: int | None = None,
) -> list[ConversationSegment]:
    """`add`, unless that was done: a connection can be lost after all is written, and before the client is answered."""
    if ids := await live_recordings.segments_from(session, conversation_id, processed.segments[0].start):
        return await segments.by_ids(session, conversation_id, ids)
    return await add(session, conversation_id, processed, policy, num_speakers)


async def finish(
    session: AsyncSession,
    conversation_id: int,
    audio_key: str | None,
    duration: float,
    language: str | None,
    cut_off: str | None = None,
    failure: str | None = None,
) -> Counts:
    """Mark the recording complete. `audio_key` is its key in the audio store, where there is any sound in it.

    `cut_off` says why audio is missing at the end. If all of it is missing, the recording is marked failed; likewise if there
    are no segments, and `failure` says why a span of speech could not be processed.

    Raises LookupError where the conversation is gone.
    """
    await live_recordings.set_audio(session, conversation_id, audio_key)
    failed = failure is not None and not await segments.of_conversation(session, conversation_id)
    error = failure if failed else cut_off
    await conversations.complete(session, conversation_id, duration, language, error=error, failed=failed)
    found = await conversations.summary(session, conversation_id)
    assert found is not None
    return Counts(found.num_segments, found.num_speakers, found.languages)


async def _plan(
    session: AsyncSession,
    voices: Sequence[Participant],
    stored: Sequence[ParticipantState],
    threshold: float,
    num_speakers: int | None,
) -> IdentityPlan:
    compared = unrecognised(voices, stored, threshold)
    seconds = {voice.label: voice.speech_seconds for voice in voices}
    heard = [(voice, seconds[label]) for label, voice in compared.items()]
    near = await identity_values.near_speakers(session, heard, threshold)
    return plan_live_segment(voices, stored, dict(zip(compared, near, strict=True)), threshold, num_speakers)


async def _learn_emotions(session: AsyncSession, plan: IdentityPlan, applied: AppliedPlan) -> None:
    """Compute the emotion profiles of speakers that get a participant with corrections, which had no speaker before."""
    for assignment in plan.assignments:
        participant_id = applied.participant_id(assignment.participant)
        if assignment.speaker is not None and await emotions.have_corrections(session, [participant_id]):
            await emotions.recompute(session, applied.speaker_id(assignment.speaker))


async def _update_participants(
    session: AsyncSession, processed: ProcessedSegment, participant_of: Mapping[str, int], stored: Sequence[ParticipantState]
) -> None:
    num_segments = {person.key: person.num_segments for person in stored}
    for voice in processed.participants:
        id_ = participant_of[voice.label]
        await participants.add_speech(session, id_, voice.speech_seconds)
        added = sum(participant_of[segment.speaker] == id_ for segment in processed.segments)
        if num_segments.get(id_, 0) + added <= MAX_RECOMPUTED_SEGMENTS:
            await participants.recompute(session, [id_])


async def _merge_unknown(session: AsyncSession, policy: IdentityPolicy, voices: Sequence[Participant]) -> None:
    """Merge unknown speakers into those that these voices, where they are long enough, show them to be."""
    evidence = [
        voice.voiceprint.vector
        for voice in voices
        if voice.speech_seconds >= MIN_COMPARED_S and voice.voiceprint is not None and voice.voiceprint.model == policy.model
    ]
    change = SpeakerChange(session)
    await unknown_speakers.merge_matching(change, policy, evidence)
    await change.save()


async def _detect_emotions(
    session: AsyncSession, policy: IdentityPolicy, participant_of: Mapping[str, int], new: Sequence[int]
) -> None:
    """Those of the `new` segments, and of the earlier ones of speakers with profiles."""
    await emotion_refresh.redetect_segments(session, policy, new)
    speaking = await participants.speakers_of(session, participant_of.values())
    for participant_id, speaker_id in speaking.items():
        if await emotion_refresh.have_profiles(session, speaker_id):
            await emotion_refresh.redetect(session, policy, [participant_id])
