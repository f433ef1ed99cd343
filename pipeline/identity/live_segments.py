"""The participants of live segments, which are decided one segment at a time.

A voice belongs to the participant of its conversation that it resembles, else to a known speaker, else to a new one. A voice
that is too short to be compared with known speakers belongs to the participant that it resembles most, else to the one who
spoke last: it never makes a new speaker.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import count

from pipeline.identity.matching import MIN_COMPARED_S, Neighbours, closest
from pipeline.identity.plan import Assignment, IdentityPlan, NewSpeaker, ParticipantKey, SpeakerKey
from pipeline.identity.state import ParticipantState, nearest, of_speaker
from pipeline.transcript.participants import free_label
from pipeline.types import Participant, Voiceprint


def unrecognised(voices: Sequence[Participant], stored: Sequence[ParticipantState], threshold: float) -> dict[str, Voiceprint]:
    """The voices, by label, that must be compared with the known speakers, since no participant decides."""
    taken: set[ParticipantKey] = set()
    ordered = _by_speech(voices)
    for index, voice in enumerate(ordered):
        same, close = nearest(voice.voiceprint, [person for person in stored if person.key not in taken])
        if same is None or close <= threshold or same.speaker is None:
            # Which participants are left for the voices after it depends on this one's speaker.
            return {
                v.label: v.voiceprint
                for v in ordered[index:]
                if v.voiceprint is not None and v.speech_seconds >= MIN_COMPARED_S
            }
        taken.add(same.key)
    return {}


def plan_live_segment(
    voices: Sequence[Participant],
    stored: Sequence[ParticipantState],
    nearby: Mapping[str, Neighbours],
    threshold: float,
    num_speakers: int | None = None,
) -> IdentityPlan:
    """Decide for each voice of a live segment which participant it is. Two voices of one segment are two participants.

    Args:
        stored: The participants of the conversation so far, in the order in which they were added.
        nearby: For each of the `unrecognised` voices the known speakers closer than `threshold`.
        num_speakers: How many people speak in the conversation, where that is known: then no more participants are added, as
            long as a voice can be that of an existing one.
    """
    planner = _Planner(stored, threshold, num_speakers)
    for voice in _by_speech(voices):
        planner.place(voice, nearby.get(voice.label, {}))
    return planner.plan()


class _Planner:
    """The participants after the voices that were assigned so far."""

    def __init__(self, stored: Sequence[ParticipantState], threshold: float, num_speakers: int | None) -> None:
        self._participants = {person.key: person for person in stored}
        self._threshold = threshold
        self._num_speakers = num_speakers
        self._numbers = count()
        self._added: list[Participant] = []
        self._assignments: list[Assignment] = []
        self._participant_of: dict[str, ParticipantKey] = {}

    def plan(self) -> IdentityPlan:
        return IdentityPlan(self._added, self._assignments, participant_of=self._participant_of)

    def place(self, voice: Participant, near: Neighbours) -> None:
        self._participant_of[voice.label] = self._find(voice, near)

    def _find(self, voice: Participant, near: Neighbours) -> ParticipantKey:
        taken = set(self._participant_of.values())
        free = [person for person in self._participants.values() if person.key not in taken]
        closest_here, close = nearest(voice.voiceprint, free)
        same = closest_here if close > self._threshold else None
        if same is not None and same.speaker is not None:
            return same.key
        if voice.voiceprint is not None and voice.speech_seconds >= MIN_COMPARED_S:
            speaker, similarity = self._match(voice.voiceprint, near)
            there = None if speaker is None else of_speaker(self._participants.values(), speaker)
            if there is not None and there.key not in taken:
                return there.key
            if same is not None or speaker is not None or closest_here is None or self._may_add():
                return self._assign(same, NewSpeaker(next(self._numbers)) if speaker is None else speaker, similarity)
        if closest_here is not None:
            return closest_here.key
        spoke = [person for person in free if person.last_position >= 0]
        if spoke:
            return max(spoke, key=lambda person: person.last_position).key
        return self._assign(None, None, None)

    def _may_add(self) -> bool:
        return self._num_speakers is None or len(self._participants) < self._num_speakers

    def _match(self, voice: Voiceprint, near: Neighbours) -> tuple[SpeakerKey | None, float | None]:
        """The closest speaker and the similarity, also among the references that this plan makes of stored participants."""
        match = closest(near)
        new_references = [
            person
            for assignment in self._assignments
            if (person := self._participants[assignment.participant]).enrolled and person.speaker is not None
        ]
        same, close = nearest(voice, new_references)
        if same is not None and close > self._threshold and (match is None or close > match.similarity):
            return same.speaker, close
        return (None, None) if match is None else (match.speaker_id, match.similarity)

    def _assign(self, person: ParticipantState | None, speaker: SpeakerKey | None, similarity: float | None) -> ParticipantKey:
        """Give the participant, or one that is added, the speaker."""
        if person is None:
            label = free_label({person.label for person in self._participants.values()})
            self._added.append(Participant(label, 0.0, None))
            person = ParticipantState(label, label, None, None)
        self._participants[person.key] = replace(person, speaker=speaker, similarity=similarity)
        self._assignments.append(Assignment(person.key, speaker, similarity, person.enrolled))
        return person.key


def _by_speech(voices: Sequence[Participant]) -> list[Participant]:
    return sorted(voices, key=lambda voice: -voice.speech_seconds)
