"""The consequences of an identification: a person names the speaker of a segment.

A segment of an unknown voice names that voice everywhere, in all conversations, also those to come: its speaker is renamed, or
becomes the known one. A segment of a speaker that has a name is a mistake in that segment alone, which moves to another
participant of its conversation. Either way participants and speakers change, and no other segment.
"""

from collections.abc import Sequence

from pipeline.identity.plan import (
    CONFIRMED,
    Assignment,
    IdentityPlan,
    Merge,
    NewSpeaker,
    ParticipantKey,
    SegmentMove,
    SpeakerKey,
)
from pipeline.identity.state import ParticipantState, of_speaker
from pipeline.transcript.participants import free_label
from pipeline.types import Participant


def names_voice(person: ParticipantState, target: int | None, *, only_this: bool) -> bool:
    """Whether all segments of the participant's voice get another speaker or name, and not the identified one alone."""
    is_same = person.speaker is not None and person.speaker == target
    return not is_same and not person.is_named and not only_this


def plan_identification(
    segment_id: int,
    person: ParticipantState,
    participants: Sequence[ParticipantState],
    target: int | None,
    name: str,
    *,
    enroll: bool,
    only_this: bool,
) -> tuple[IdentityPlan, SpeakerKey]:
    """The plan, and the speaker of the segment once it is applied.

    Args:
        person: The participant of the segment, one of the `participants` of its conversation.
        target: The known speaker that it is; None for a new one, who gets `name`.
        enroll: Whether the voice becomes a reference of the speaker, where that one is known.
        only_this: Whether an unknown voice is named in this segment alone.
    """
    speaker: SpeakerKey = NewSpeaker(0, name) if target is None else target
    if person.speaker is not None and person.speaker == target:
        assignment = Assignment(person.key, target, person.similarity, person.enrolled or enroll)
        return IdentityPlan(assignments=[assignment], moves=_confirm(segment_id, person, person.key)), person.speaker
    if not names_voice(person, target, only_this=only_this):
        return _move(segment_id, person, participants, speaker, enroll=enroll), speaker
    confirm = _confirm(segment_id, person, person.key)
    if not isinstance(person.speaker, int):
        assignment = Assignment(person.key, speaker, person.similarity, enroll)
        return IdentityPlan(assignments=[assignment], moves=confirm), speaker
    if target is None:
        return IdentityPlan(renames={person.speaker: name}, moves=confirm), person.speaker
    return IdentityPlan(merges=[Merge(person.speaker, target, CONFIRMED, enroll)], moves=confirm), target


def _move(
    segment_id: int, person: ParticipantState, participants: Sequence[ParticipantState], speaker: SpeakerKey, *, enroll: bool
) -> IdentityPlan:
    """The segment alone goes to the participant of the speaker in its conversation, which is added where there is none."""
    there = of_speaker(participants, speaker)
    if there is not None:
        return IdentityPlan(moves=_confirm(segment_id, person, there.key))
    label = free_label({person.label for person in participants})
    return IdentityPlan(
        [Participant(label, 0.0, None)],
        [Assignment(label, speaker, enrolled=enroll)],
        _confirm(segment_id, person, label),
    )


def _confirm(segment_id: int, person: ParticipantState, target: ParticipantKey) -> list[SegmentMove]:
    return [SegmentMove(segment_id, person.key, target, CONFIRMED)]
