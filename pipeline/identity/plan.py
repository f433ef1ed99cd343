"""The changes of an identity decision: the result of every planner in this package.

A planner reads values and returns an `IdentityPlan`. A service owns the transaction in which `storage.speakers.identity_values`
loads the values, the plan is made, and the plan is applied: by `storage.speakers.identity_plans`, or by
`services.identity.recorded_plans` where it can be undone, as merges and identifications can.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import cached_property

from pipeline.types import Participant, Voiceprint

CONFIRMED = 1.0
"""The confidence of a segment where a person identified the speaker; the similarity of two voices is always lower."""

ParticipantKey = int | str
"""The id of a stored participant, or the label of one that the plan adds to the conversation."""


@dataclass(frozen=True, slots=True)
class NewSpeaker:
    """A speaker that the plan creates."""

    number: int
    """Distinguishes the new speakers of one plan, and gives the order in which they are created."""
    name: str | None = None
    """The name that a person gave; None for the next free `Unknown_NN`."""


SpeakerKey = int | NewSpeaker
"""The id of a stored speaker, or one that the plan creates."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """The speaker that a participant gets."""

    participant: ParticipantKey
    speaker: SpeakerKey | None
    """None for a participant without a lasting speaker: its voice is not known well enough."""
    similarity: float | None = None
    """Cosine similarity to the closest reference of the speaker; None where none was close enough or compared."""
    enrolled: bool = True
    """Whether the participant's vector is a reference of its speaker."""


@dataclass(frozen=True, slots=True)
class SegmentMove:
    """A segment that gets another participant than it has, or the same with another confidence."""

    segment: int
    """Its position in the transcript where that is not stored yet, else its id."""
    source: ParticipantKey
    target: ParticipantKey
    confidence: float | None = None
    """Similarity of this segment to the speaker of `target`; None where the participant's confidence holds."""


@dataclass(frozen=True, slots=True)
class VoiceUpdate:
    """The results of the diarizer for a stored participant in the whole recording."""

    participant: int
    speech_seconds: float
    voiceprint: Voiceprint | None
    """None where the stored one stays."""


@dataclass(frozen=True, slots=True)
class Merge:
    """Two speakers that are one person: `source` becomes `target`."""

    source: int
    target: int
    similarity: float
    """Median similarity of the references of `source` to those of `target`; `CONFIRMED` where a person decided it."""
    enrolled: bool = True
    """Whether the references of `source` become those of `target`."""


@dataclass(frozen=True)
class IdentityPlan:
    added: Sequence[Participant] = ()
    """Participants that do not exist yet, in the order in which they are created. It gives those without a lasting speaker
    the letters that they are called by."""
    assignments: Sequence[Assignment] = ()
    """Participants that get a speaker; those that the plan does not name keep theirs."""
    moves: Sequence[SegmentMove] = ()
    misidentified: Sequence[int] = ()
    """Stored segments that a person marked as not their speaker's voice, by id."""
    voice_updates: Sequence[VoiceUpdate] = ()
    renames: Mapping[int, str] = field(default_factory=dict)
    """Speakers that a person gives a name."""
    merges: Sequence[Merge] = ()
    recomputed: Set[ParticipantKey] = frozenset()
    """Participants with a vector to recompute from their segments, after all other changes are applied."""
    participant_of: Mapping[str, ParticipantKey] = field(default_factory=dict)
    """The participant of each voice that the stages found, by the label that they gave it."""

    @cached_property
    def assignment_of(self) -> Mapping[ParticipantKey, Assignment]:
        return {assignment.participant: assignment for assignment in self.assignments}


def changed_by(moves: Iterable[SegmentMove]) -> set[ParticipantKey]:
    """The participants that lose or gain segments."""
    return {key for move in moves if move.source != move.target for key in (move.source, move.target)}
