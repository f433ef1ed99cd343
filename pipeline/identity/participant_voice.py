"""The vector of a participant, from the voices of its segments."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.identity.matching import centroid
from pipeline.types import Voiceprint


@dataclass(frozen=True, slots=True)
class SegmentVoice:
    """The contribution of a segment to its participant's vector."""

    duration: float
    """Seconds; its weight."""
    voiceprint: Voiceprint | None
    overlap: bool
    is_misidentified: bool


def participant_voice(segments: Sequence[SegmentVoice], stored: Voiceprint | None) -> Voiceprint | None:
    """The voice of a participant after segments were added, removed or marked as misidentified.

    It is the mean of the segments' unit vectors, weighted by their duration and normalised. Misidentified segments are left
    out, and so are segments with overlapping speech as long as others remain. Vectors of two models are not averaged: those of
    the stored voice's model count, else those of the last segment's model. Without any segment of its own the participant has
    no voice. Where no segment has a vector, being too short or stored before segments had vectors, the stored one stays.

    Args:
        segments: Those of the participant, in order.
    """
    own = [segment for segment in segments if not segment.is_misidentified]
    if not own:
        return None
    model = stored.model if stored else next((s.voiceprint.model for s in reversed(own) if s.voiceprint is not None), None)
    usable = [(s, s.voiceprint.vector) for s in own if s.voiceprint is not None and s.voiceprint.model == model]
    if not usable:
        marked_only = any(segment.is_misidentified and segment.voiceprint is not None for segment in segments)
        return None if marked_only else stored
    clean = [(segment, vector) for segment, vector in usable if not segment.overlap] or usable
    mean = centroid([vector for _, vector in clean], [segment.duration for segment, _ in clean])
    return None if mean is None or model is None else Voiceprint(mean, model)
