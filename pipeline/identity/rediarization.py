"""The participants of a live conversation once the diarizer has processed all of it, which is better than one by one.

The segments stay, with their ids and all corrections; only their participants change. Segments of a participant that a person
identified, and single segments that a person assigned, stay where they are.
"""

from collections.abc import Iterable, Mapping, Sequence, Set

from pipeline.identity.plan import Assignment, IdentityPlan, ParticipantKey, SegmentMove, VoiceUpdate, changed_by
from pipeline.identity.state import ParticipantState, is_confirmed
from pipeline.transcript.participants import free_label, speech_seconds
from pipeline.types import ConversationSegment, Participant, Turn, Voiceprint


def plan_rediarization(
    participants: Sequence[ParticipantState],
    segments: Sequence[ConversationSegment],
    label_of: Mapping[int, str],
    turns: Sequence[Turn],
    voices: Mapping[str, Voiceprint | None],
) -> IdentityPlan:
    """Give segments to participants as the diarizer found them; the known speakers are compared afterwards.

    Args:
        label_of: The diarizer's label for each segment in which it found a voice, by the segment's id.
        turns: Its turns, overlaps included.
        voices: The voice of each label.
    """
    confirmed = {person.key for person in participants if person.user_confirmed}
    stored = _stored_participants(segments, label_of, confirmed)
    updates = [
        VoiceUpdate(key, speech_seconds(turns, label), None if key in confirmed else voices.get(label))
        for label, key in stored.items()
    ]
    taken = {person.label for person in participants}
    added: list[Participant] = []
    participant_of: dict[str, ParticipantKey] = dict(stored)
    for label in sorted(set(label_of.values()) - stored.keys()):
        participant_of[label] = free = free_label(taken)
        taken.add(free)
        added.append(Participant(free, speech_seconds(turns, label), voices.get(label)))
    moves = _moves(segments, label_of, participant_of, confirmed)
    heard: set[ParticipantKey] = {update.participant for update in updates if update.voiceprint is not None}
    heard |= {person.label for person in added if person.voiceprint is not None}
    return IdentityPlan(
        added,
        [Assignment(person.label, None) for person in added],
        moves,
        participant_of=participant_of,
        voice_updates=updates,
        recomputed=changed_by(moves) - heard,
    )


def _stored_participants(
    segments: Iterable[ConversationSegment], label_of: Mapping[int, str], confirmed: Set[ParticipantKey]
) -> dict[str, int]:
    """The stored participant that stands for a label, one for one: confirmed ones first, then by the longest common speech."""
    shared: dict[tuple[str, int], float] = {}
    for segment in segments:
        if segment.id in label_of:
            pair = label_of[segment.id], segment.participant_id
            shared[pair] = shared.get(pair, 0.0) + segment.end_offset - segment.start_offset
    found: dict[str, int] = {}
    for label, key in sorted(shared, key=lambda pair: (pair[1] not in confirmed, -shared[pair], pair)):
        if label not in found and key not in found.values():
            found[label] = key
    return found


def _moves(
    segments: Iterable[ConversationSegment],
    label_of: Mapping[int, str],
    participant_of: Mapping[str, ParticipantKey],
    confirmed: Set[ParticipantKey],
) -> list[SegmentMove]:
    moves = []
    for segment in segments:
        if segment.id not in label_of or is_confirmed(segment) or segment.participant_id in confirmed:
            continue
        target = participant_of[label_of[segment.id]]
        if target != segment.participant_id:
            moves.append(SegmentMove(segment.id, segment.participant_id, target))
    return moves
