"""Choose the value of a setting that is right most often, judged by labelled segments."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.evaluation.scoring import is_right
from pipeline.identity.matching import is_unknown, similarity_matrix, units
from pipeline.names import key
from pipeline.types import Vector


@dataclass(frozen=True, slots=True)
class Gallery:
    """All reference vectors that a voice can be matched with."""

    vectors: NDArray[np.float32]
    """Shape (n, d), all of one model."""
    names: Sequence[str]
    conversations: NDArray[np.int64]
    """The conversation that each vector comes from; 0 for an enrolled sample."""


@dataclass(frozen=True, slots=True)
class LabelledVoice:
    """A voice of a conversation, and the labels of its segments."""

    vector: Vector | None
    """None where there was too little speech to embed; such a voice matches no speaker."""
    conversation: int
    truths: Mapping[str, int]
    """Segments of this voice by true speaker; several speakers where the diarizer was wrong."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One segment, and the similarity of the closest reference."""

    similarity: float
    """Cosine, in [-1, 1]; -inf where there are no references."""
    right_if_taken: bool
    """Whether the name of the closest reference is right."""
    right_if_not: bool
    """Whether it is right to call the speaker unknown."""


@dataclass(frozen=True, slots=True)
class Point:
    """The result at one value of the setting, as fractions of the trials that sum to 1."""

    value: float
    accuracy: float
    """Segments with the right name, including strangers who are called unknown."""
    false_accepts: float
    """Segments with the name of another speaker."""
    misses: float
    """Segments of a known speaker who is called unknown."""


def point(trials: Sequence[Trial], threshold: float, value: float) -> Point:
    """The result of matching above `threshold`, recorded under `value`. Raises ValueError where there are no trials."""
    if not trials:
        raise ValueError("Without labelled lines there is nothing to measure.")
    taken = [trial.similarity > threshold for trial in trials]
    right = sum(t.right_if_taken if is_taken else t.right_if_not for t, is_taken in zip(trials, taken, strict=True))
    accepted = sum(is_taken and not t.right_if_taken for t, is_taken in zip(trials, taken, strict=True))
    total = len(trials)
    return Point(value, right / total, accepted / total, (total - right - accepted) / total)


def sweep(trials: Sequence[Trial], thresholds: Sequence[float]) -> list[Point]:
    """The result at each threshold."""
    return [point(trials, threshold, threshold) for threshold in thresholds]


def best(points: Sequence[Point], current: Point) -> Point:
    """The point with the highest accuracy; `current` where no other point is better, so that a change gains something.

    Among neighbours of equal accuracy the middle of the longest run is chosen: it is furthest from worse values. `points` are
    in order of their values.
    """
    highest = max(point.accuracy for point in points)
    if current.accuracy >= highest:
        return current
    good = np.array([False, *(point.accuracy == highest for point in points), False])
    edges = np.flatnonzero(np.diff(good.astype(np.int8)))
    starts, ends = edges[::2], edges[1::2]
    longest = int((ends - starts).argmax())
    return points[(int(starts[longest]) + int(ends[longest]) - 1) // 2]


def trials(voices: Sequence[LabelledVoice], gallery: Gallery) -> list[Trial]:
    """A trial for each segment, and for each segment of a known speaker a second one without that speaker's references.

    A voice is compared with enrolled samples and with references of other conversations only: a reference taken from its own
    conversation would always match. The second trial makes a stranger of the speaker. Without it the lowest threshold would
    score best wherever strangers have no labels.
    """
    found: list[Trial] = []
    unit, direction = units(gallery.vectors)
    names = np.array([key(name) for name in gallery.names], np.object_)
    for voice in voices:
        usable = direction & (gallery.conversations != voice.conversation)
        similarities = np.full(len(unit), np.nan) if voice.vector is None else similarity_matrix(voice.vector[None], unit.T)[0]
        for truth, segments in voice.truths.items():
            own = names == key(truth)
            known = frozenset({key(truth)} if bool((usable & own).any()) and not is_unknown(truth) else ())
            found += [_trial(truth, known, similarities, usable, gallery.names)] * segments
            if known:
                found += [_trial(truth, frozenset(), similarities, usable & ~own, gallery.names)] * segments
    return found


def _trial(
    truth: str, known: frozenset[str], similarities: NDArray[np.floating], usable: NDArray[np.bool_], names: Sequence[str]
) -> Trial:
    near = np.where(usable & np.isfinite(similarities), similarities, -np.inf)
    best = int(near.argmax()) if len(near) else -1
    similarity = float(near[best]) if len(near) else -np.inf
    return Trial(similarity, best >= 0 and is_right(truth, names[best], known), is_right(truth, None, known))
