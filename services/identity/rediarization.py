"""The speakers of a live conversation, decided again once the diarizer has processed the whole recording.

`pipeline.identity.rediarization` decides which segments go to which participants; these are then matched again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.identity.policy import IdentityPolicy
from pipeline.identity.rediarization import plan_rediarization
from pipeline.types import ConversationSegment, Turn, Voiceprint, Word
from services.identity import reprocessing
from storage.conversations import conversations, segments, transcripts
from storage.emotions import emotions, profiles
from storage.speakers import identity_plans, identity_values, participants, speakers


@dataclass(frozen=True, slots=True)
class Rediarized:
    segments: tuple[ConversationSegment, ...]
    """Those that have another speaker than before, or another name."""
    num_speakers: int


async def words(session: AsyncSession, conversation_id: int) -> dict[int, Sequence[Word]]:
    """The words of each segment; one without words is taken as one word."""
    return {
        segment.id: segment.words or (Word(segment.text, segment.start_offset, segment.end_offset, 1.0),)
        for segment in await segments.of_conversation(session, conversation_id)
    }


async def rediarize(
    session: AsyncSession,
    conversation_id: int,
    label_of: Mapping[int, str],
    turns: Sequence[Turn],
    voices: Mapping[str, Voiceprint | None],
    policy: IdentityPolicy,
) -> Rediarized:
    """Give segments to participants as the diarizer found them, and match these with the known speakers again.

    Args:
        label_of: The diarizer's label for each segment in which it found a voice, by the segment's id.
        turns: Its turns, overlaps included.
        voices: The voice of each label.

    Raises LookupError where the conversation is gone, ConversationBusyError while its recording is in work.
    """
    await speakers.lock(session)
    await conversations.lock_idle(session, conversation_id)
    before = await segments.of_conversation(session, conversation_id)
    people = await identity_values.participants(session, conversation_id)
    plan = plan_rediarization(people, before, label_of, turns, voices)
    applied = await identity_plans.apply(session, conversation_id, plan)
    participant_of = {label: applied.participant_id(key) for label, key in plan.participant_of.items()}
    await transcripts.replace_turns(session, conversation_id, turns, participant_of)
    silent = await participants.delete_silent(session, conversation_id)
    for speaker in sorted(await profiles.speakers_with_profiles(session, silent)):
        await emotions.recompute(session, speaker)
    await speakers.delete_orphaned(session, silent)
    await reprocessing.rematch(session, conversation_id, policy)
    former_speaker = {segment.id: _speaker(segment) for segment in before}
    after = await segments.of_conversation(session, conversation_id)
    return Rediarized(
        tuple(segment for segment in after if _speaker(segment) != former_speaker[segment.id]),
        len({segment.speaker_id or -segment.participant_id for segment in after}),
    )


def _speaker(segment: ConversationSegment) -> tuple[int | None, str]:
    return segment.speaker_id, segment.speaker_name
