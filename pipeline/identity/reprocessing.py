"""The speakers of a conversation that is matched or transcribed again.

Decisions of a person are kept: participants that are `user_confirmed` keep their speaker. All others are matched as if their
voices were new; their own vectors are no references then. A voice that resembles no known speaker any more keeps its speaker
where there are no other references of that speaker, so that a name is never lost to a comparison.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count

from pipeline.identity.matching import Neighbours, closest
from pipeline.identity.plan import CONFIRMED, Assignment, IdentityPlan, NewSpeaker, ParticipantKey, SegmentMove, changed_by
from pipeline.identity.state import ParticipantState, is_confirmed, of_speaker
from pipeline.transcript.participants import free_label
from pipeline.types import ConversationSegment, Participant

References = Counter[tuple[int, str]]
"""How many references there are of a speaker by an embedding model."""


def matched_again(participants: Sequence[ParticipantState], model: str) -> list[ParticipantState]:
    """The participants that are compared with the known speakers again; `model` is the embedding model that is running."""
    return [
        person
        for person in participants
        if person.has_turns and not person.user_confirmed and person.voiceprint is not None and person.voiceprint.model == model
    ]


def plan_rematch(
    participants: Sequence[ParticipantState], nearby: Mapping[ParticipantKey, Neighbours], references: References, model: str
) -> IdentityPlan:
    """Match participants of a conversation with the speakers that are known now.

    Args:
        participants: As `matched_again` selects them.
        nearby: The known speakers closer to each than the threshold, without the references that these participants are.
        references: Those of their speakers, likewise.
    """
    numbers = count()
    assignments = []
    for person in participants:
        if (match := closest(nearby[person.key])) is not None:
            assignments.append(Assignment(person.key, match.speaker_id, match.similarity))
        elif isinstance(person.speaker, int) and not references[person.speaker, model]:
            assignments.append(Assignment(person.key, person.speaker, person.similarity))
        else:
            assignments.append(Assignment(person.key, NewSpeaker(next(numbers))))
    return IdentityPlan(assignments=assignments)


@dataclass(frozen=True, slots=True)
class ConversationState:
    participants: Sequence[ParticipantState]
    """In the order in which they were added."""
    segments: Sequence[ConversationSegment]
    """In the order of the transcript."""


def plan_carry_over(
    former: ConversationState,
    new: ConversationState,
    source_of: Mapping[int, int],
    successor_of: Mapping[int, int],
    references: References,
) -> IdentityPlan:
    """Apply to the new transcript what a person decided about the speakers of the former one.

    Args:
        former: As it was before it was replaced.
        new: As it was stored, with the speakers that its voices were matched to.
        source_of: For new segments the former one that most of their words come from (`transcript.carry_over.sources`).
        successor_of: For former segments the new one that stands for them (`transcript.carry_over.carry`).
        references: Those of the former speakers, the new participants among them.
    """
    by_key = {person.key: person for person in former.participants}
    former_of = {segment.id: by_key[segment.participant_id] for segment in former.segments}
    assignments = _keep_voices(new, {segment: former_of[id_] for segment, id_ in source_of.items()}, references)
    speaker_of = {assignment.participant: assignment.speaker for assignment in assignments}
    matched = [replace(person, speaker=speaker_of.get(person.key, person.speaker)) for person in new.participants]
    confirmed = {segment.id for segment in former.segments if is_confirmed(segment)}
    again = {segment: former_of[id_] for segment, id_ in source_of.items() if id_ in confirmed}
    added, moves = _keep_segments(matched, new.segments, again)
    now = {person.key: person.speaker for person in (*matched, *added)}
    owner = {segment.id: segment.participant_id for segment in new.segments} | {move.segment: move.target for move in moves}
    misidentified = [
        successor_of[segment.id]
        for segment in former.segments
        if segment.is_misidentified
        and segment.id in successor_of
        and now[owner[successor_of[segment.id]]] == former_of[segment.id].speaker
    ]
    return IdentityPlan(
        [Participant(person.label, 0.0, None) for person in added],
        [*assignments, *(Assignment(person.key, person.speaker, enrolled=person.enrolled) for person in added)],
        moves,
        misidentified=misidentified,
        recomputed=changed_by(moves) | {owner[segment] for segment in misidentified},
    )


def _keep_voices(new: ConversationState, source: Mapping[int, ParticipantState], references: References) -> list[Assignment]:
    """The speakers that participants get from the former ones, by the words that they share.

    A participant gets the speaker of the former one from which most of its words come, if a person confirmed that one, or if
    the participant resembles no known speaker and there are no other references of that speaker: of a new embedding model there
    are none at first.
    """
    counts = Counter(references)
    shared: Counter[tuple[ParticipantKey, ParticipantKey]] = Counter()
    length: Counter[ParticipantKey] = Counter()
    for segment in new.segments:
        length[segment.participant_id] += len(segment.words or ())
        if segment.id in source:
            shared[segment.participant_id, source[segment.id].key] += len(segment.words or ())
    new_by_key = {person.key: person for person in new.participants}
    former_by_key = {person.key: person for person in source.values()}
    assignments = []
    for (key, former_key), count_ in shared.most_common():
        person, was = new_by_key[key], former_by_key[former_key]
        if 2 * count_ <= length[key] or not isinstance(was.speaker, int):
            continue
        model = None if person.voiceprint is None else person.voiceprint.model
        is_new = person.similarity is None and not person.user_confirmed
        if not was.user_confirmed and not (is_new and (model is None or not counts[was.speaker, model])):
            continue
        assignments.append(Assignment(key, was.speaker, was.similarity, was.enrolled))
        if model is not None:
            if isinstance(person.speaker, int) and person.enrolled:
                counts[person.speaker, model] -= 1
            counts[was.speaker, model] += was.enrolled
    return assignments


def _keep_segments(
    participants: Sequence[ParticipantState], segments: Sequence[ConversationSegment], again: Mapping[int, ParticipantState]
) -> tuple[list[ParticipantState], list[SegmentMove]]:
    """Segments that a person identified go to that speaker; `again` has the former participant of each, by its id.

    Returns the participants that have to be added for it, and the moves.
    """
    current, added = {person.key: person for person in participants}, []
    moves = []
    for segment in segments:
        if (was := again.get(segment.id)) is None:
            continue
        target: ParticipantKey = segment.participant_id
        if was.speaker is not None and current[target].speaker != was.speaker:
            there = of_speaker(current.values(), was.speaker)
            if there is None:
                label = free_label({person.label for person in current.values()})
                there = ParticipantState(label, label, was.speaker, None, enrolled=was.enrolled)
                current[label] = there
                added.append(there)
            target = there.key
        moves.append(SegmentMove(segment.id, segment.participant_id, target, CONFIRMED))
    return added, moves
