"""Find segments that differ from the voice of their participant, and reassign them.

The diarizer joins stretches by the sound of the seconds around them, and may give a short stretch within the speech of one
person to another. A segment is examined only where it is long enough, spoken by one person alone, and below the threshold even
in comparison with its own participant. Such segments are rare.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import TypeVar

from pipeline.identity.matching import MIN_COMPARED_S, REASSIGN_MARGIN, Match, Neighbours, similarity
from pipeline.transcript.participants import free_label
from pipeline.types import Participant, Segment, Voiceprint

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class DisputedSegment:
    """A segment that may not be its participant's."""

    label: str
    """Its participant."""
    duration: float
    voice: Voiceprint
    similarity: float
    """To the voice of its participant."""


@dataclass(frozen=True, slots=True)
class Reassignment:
    targets: Mapping[int, str | Match]
    """For each segment, by its position, that moves: another participant by label, or a speaker that a person has named."""
    outliers: Sequence[Participant]
    """New participants that the diarizer did not find, for segments that belong to no participant and no named speaker."""


def disputed_segments(
    segments: Sequence[Segment], participants: Sequence[Participant], threshold: float
) -> dict[int, DisputedSegment]:
    """The segments, by their position, that are examined on their own."""
    voices = {person.label: person.voiceprint for person in participants}
    found: dict[int, DisputedSegment] = {}
    for position, segment in enumerate(segments):
        own, duration = voices.get(segment.speaker), segment.end - segment.start
        if segment.voice is None or own is None or own.model != segment.voice.model:
            continue
        if segment.overlap or duration < MIN_COMPARED_S:
            continue
        close = similarity(segment.voice.vector, own.vector)
        if close <= threshold:
            found[position] = DisputedSegment(segment.speaker, duration, segment.voice, close)
    return found


def reassign_segments(
    disputed: Mapping[int, DisputedSegment],
    participants: Sequence[Participant],
    speaker_of: Mapping[str, int | None],
    nearby: Mapping[int, Neighbours],
    named: Set[int],
    threshold: float,
) -> Reassignment:
    """Decide for each of the disputed segments whether it stays with its participant.

    Args:
        speaker_of: The known speaker of each participant, by label; None for a new one.
        nearby: The known speakers closer to each segment than `threshold - REASSIGN_MARGIN`.
        named: The speakers among them that a person has named.
    """
    labels = {person.label for person in participants}
    voices = {person.label: person.voiceprint for person in participants if person.voiceprint is not None}
    targets: dict[int, str | Match] = {}
    outliers: list[Participant] = []
    for position, segment in disputed.items():
        own_speaker, near = speaker_of[segment.label], nearby[position]
        own = max(segment.similarity, near.get(own_speaker, -1.0) if own_speaker is not None else -1.0)
        known: dict[int | str, float] = {id_: close for id_, close in near.items() if id_ in named and id_ != own_speaker}
        here: dict[int | str, float] = {
            label: similarity(segment.voice.vector, voice.vector) for label, voice in voices.items() if label != segment.label
        }
        if (found := reassign_segment(own, known, here, threshold)) is not None:
            target, close = found
            targets[position] = target if isinstance(target, str) else Match(target, close)
        elif is_outlier(own, threshold):
            label = free_label(labels)
            labels.add(label)
            outliers.append(Participant(label, segment.duration, segment.voice))
            voices[label] = segment.voice  # a later segment may belong to the same person
            targets[position] = label
    return Reassignment(targets, outliers)


def reassign_segment(own: float, known: Mapping[V, float], here: Mapping[V, float], threshold: float) -> tuple[V, float] | None:
    """The speaker or participant that a segment clearly belongs to instead of its own, and the similarity; else None.

    Args:
        own: Similarity of the segment to its own participant, or to the closest reference of that participant's speaker.
        known: Similarity to other speakers that a person has named. A segment never goes to an unknown speaker of another
            conversation: that would rest on two uncertain decisions.
        here: Similarity to the other participants of the conversation. They are few and certainly present, so that for them
            the threshold is lower by `REASSIGN_MARGIN`.
    """
    near = {voice: similarity for voice, similarity in known.items() if similarity > threshold}
    near |= {voice: similarity for voice, similarity in here.items() if similarity > threshold - REASSIGN_MARGIN}
    best = max(near, key=lambda voice: near[voice], default=None)
    return (best, near[best]) if best is not None and near[best] > own + REASSIGN_MARGIN else None


def is_outlier(own: float, threshold: float) -> bool:
    """Whether a segment without a better participant is too far from its own (`own`, as above) to stay there."""
    return own + REASSIGN_MARGIN < threshold
