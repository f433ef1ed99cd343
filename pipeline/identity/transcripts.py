"""The speakers of a whole transcript: those of its participants, and the segments that belong to others."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import count

from pipeline.identity.matching import Neighbours, closest
from pipeline.identity.plan import Assignment, IdentityPlan, NewSpeaker, SegmentMove, SpeakerKey, changed_by
from pipeline.identity.segment_reassignment import DisputedSegment, reassign_segments
from pipeline.transcript.participants import free_label, speech_seconds
from pipeline.types import Participant, Transcript


@dataclass(frozen=True, slots=True)
class NearbySpeakers:
    """The known speakers that the voices of a transcript resemble, as loaded from the database."""

    participants: Mapping[str, Neighbours]
    """By label, those closer than the threshold; for every participant with a voiceprint."""
    segments: Mapping[int, Neighbours]
    """By position, those closer than the threshold less `REASSIGN_MARGIN`; for every disputed segment."""
    named: Set[int]
    """Those near a segment that a person has named."""


def all_participants(transcript: Transcript) -> list[Participant]:
    """The participants of the transcript, then the voices that the diarizer found and that have no words.

    Raises ValueError where a segment belongs to none of the participants, or where two embedding models made the voiceprints.
    """
    participants = {person.label: person for person in transcript.participants}
    if unknown := {segment.speaker for segment in transcript.segments} - participants.keys():
        raise ValueError(f"The transcript has segments of {', '.join(sorted(unknown))}, who are not among its participants.")
    if len({(p.voiceprint.model, p.voiceprint.vector.shape) for p in participants.values() if p.voiceprint is not None}) > 1:
        raise ValueError("The voiceprints of a transcript must come from one embedding model.")
    for label in sorted({turn.speaker for turn in transcript.turns} - participants.keys()):
        participants[label] = Participant(label, speech_seconds(transcript.turns, label), None)
    return list(participants.values())


def plan_transcript(
    participants: Sequence[Participant],
    disputed: Mapping[int, DisputedSegment],
    nearby: NearbySpeakers,
    threshold: float,
) -> IdentityPlan:
    """The plan for a transcript that is not stored yet; its segments are known by their positions.

    A participant with a voiceprint becomes the closest known speaker above the threshold, else a new unknown speaker. One
    without a voiceprint has no lasting speaker. Segments that clearly are not their participant's go elsewhere; all others
    inherit.

    Args:
        participants: As `all_participants` lists them.
        disputed: As `disputed_segments` finds them among these.
    """
    assignments = assign_speakers(participants, nearby.participants)
    known = {
        person.label: assignment.speaker if isinstance(assignment.speaker, int) else None
        for person, assignment in zip(participants, assignments, strict=True)
    }
    moved = reassign_segments(disputed, participants, known, nearby.segments, nearby.named, threshold)
    added = [*participants, *moved.outliers]
    assignments += [Assignment(person.label, None) for person in moved.outliers]
    participant_of: dict[SpeakerKey | None, str] = {}
    for person, assignment in sorted(zip(added, assignments, strict=True), key=lambda pair: -pair[0].speech_seconds):
        participant_of.setdefault(assignment.speaker, person.label)  # of several with one speaker, the one who speaks most
    moves = []
    for position, target in moved.targets.items():
        if isinstance(target, str):
            moves.append(SegmentMove(position, disputed[position].label, target))
            continue
        if target.speaker_id not in participant_of:
            label = free_label({person.label for person in added})
            added.append(Participant(label, 0.0, None))
            # No reference: single segments are not enough evidence to recognise the speaker elsewhere.
            assignments.append(Assignment(label, target.speaker_id, enrolled=False))
            participant_of[target.speaker_id] = label
        moves.append(SegmentMove(position, disputed[position].label, participant_of[target.speaker_id], target.similarity))
    return IdentityPlan(
        added,
        assignments,
        moves,
        recomputed=changed_by(moves),
        participant_of={person.label: person.label for person in participants},
    )


def assign_speakers(participants: Sequence[Participant], nearby: Mapping[str, Neighbours]) -> list[Assignment]:
    """The speaker of each participant, compared as a whole."""
    numbers = count()
    assignments = []
    for person in participants:
        if person.voiceprint is None:
            assignments.append(Assignment(person.label, None))
        elif (match := closest(nearby[person.label])) is not None:
            assignments.append(Assignment(person.label, match.speaker_id, match.similarity))
        else:
            assignments.append(Assignment(person.label, NewSpeaker(next(numbers))))
    return assignments
