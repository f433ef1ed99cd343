"""The stored state of a conversation that the planners read, and its state after a plan."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from pipeline.identity.matching import similarity_matrix, units
from pipeline.identity.plan import CONFIRMED, ParticipantKey, SpeakerKey
from pipeline.types import ConversationSegment, Voiceprint


@dataclass(frozen=True, slots=True)
class ParticipantState:
    """One voice in one conversation."""

    key: ParticipantKey
    label: str
    """The diarizer's label, unique within the conversation."""
    speaker: SpeakerKey | None
    voiceprint: Voiceprint | None
    similarity: float | None = None
    """Cosine similarity to the speaker that it was matched to; None for a speaker that was new or that a person named."""
    enrolled: bool = True
    """Whether the vector is a reference of the speaker."""
    speech_seconds: float = 0.0
    has_turns: bool = True
    """The diarizer found it. The other participants hold single segments that went to a speaker."""
    is_named: bool = False
    """A person gave the speaker its name."""
    has_confirmed_segment: bool = False
    """A person identified the speaker of one of its segments."""
    num_segments: int = 0
    last_position: int = -1
    """Position of its last segment; -1 without segments."""

    @property
    def id(self) -> int:
        """Of a stored participant."""
        assert isinstance(self.key, int)
        return self.key

    @property
    def user_confirmed(self) -> bool:
        """Whether a person decided its speaker, so that no comparison of voices changes it.

        A person identified or moved one of its segments. Or the diarizer found it, and a person decided that it is no reference
        of its speaker, or its speaker has a given name that no comparison led to.
        """
        if self.speaker is None:
            return False
        named_by_hand = not self.enrolled or (self.similarity is None and self.is_named)
        return self.has_confirmed_segment or (self.has_turns and named_by_hand)


def is_confirmed(segment: ConversationSegment) -> bool:
    """Whether a person identified the speaker of the segment."""
    return segment.confidence == CONFIRMED


def of_speaker(participants: Iterable[ParticipantState], speaker: SpeakerKey) -> ParticipantState | None:
    """The participant with this speaker; of several the one who speaks most, and of equals the first."""
    return max(
        (person for person in participants if person.speaker == speaker), key=lambda person: person.speech_seconds, default=None
    )


def nearest(voice: Voiceprint | None, participants: Iterable[ParticipantState]) -> tuple[ParticipantState | None, float]:
    """The participant closest to the voice, and the cosine similarity; vectors of two models are not compared."""
    if voice is None:
        return None, 0.0
    compared: list[ParticipantState] = []
    vectors = []
    for person in participants:
        if person.voiceprint is not None and person.voiceprint.model == voice.model:
            compared.append(person)
            vectors.append(person.voiceprint.vector)
    if not compared:
        return None, 0.0
    similarities = similarity_matrix(voice.vector[None], units(np.stack(vectors))[0].T)[0]
    best = int(similarities.argmax())
    return compared[best], float(similarities[best])
