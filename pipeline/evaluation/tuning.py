"""Which value of a setting is right most often, judged by lines whose speakers somebody has told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.evaluation.scoring import fold, is_right
from pipeline.identity.matching import is_unknown, similarity_matrix, units
from pipeline.types import Vector


@dataclass(frozen=True, slots=True)
class Gallery:
    """All references that a voice can be matched with."""

    vectors: NDArray[np.float32]
    """Shape (n, d), of one model."""
    names: Sequence[str]
    conversations: NDArray[np.int64]
    """Where each was heard; 0 for an enrolled sample."""


@dataclass(frozen=True, slots=True)
class Voice:
    """Somebody who was heard in a conversation, and who they truly are."""

    vector: Vector | None
    """None where there was too little speech to know a voice by: nobody is recognised then."""
    conversation: int
    truths: Mapping[str, int]
    """How many lines each true speaker has under this voice: more than one where the diarizer was wrong."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One line, and how close the closest voice is that is known."""

    similarity: float
    """Cosine, in [-1, 1]; -inf where nobody is known."""
    right_if_taken: bool
    """Whether the line has the right name if it is given that of the closest voice."""
    right_if_not: bool
    """Whether it is right to call its speaker unknown."""


@dataclass(frozen=True, slots=True)
class Point:
    """What a value of the setting does to the lines, as fractions of them that sum to 1."""

    value: float
    accuracy: float
    """Lines with the right name, strangers who are called unknown among them."""
    false_accepts: float
    """Lines with somebody else's name."""
    misses: float
    """Lines of somebody who is known, and is called unknown."""


def point(trials: Sequence[Trial], threshold: float, value: float) -> Point:
    """What matching above `threshold` does, written down under `value`. Raises ValueError where there are no trials."""
    if not trials:
        raise ValueError("Without labelled lines there is nothing to measure.")
    taken = [trial.similarity > threshold for trial in trials]
    right = sum(t.right_if_taken if is_taken else t.right_if_not for t, is_taken in zip(trials, taken, strict=True))
    accepted = sum(is_taken and not t.right_if_taken for t, is_taken in zip(trials, taken, strict=True))
    total = len(trials)
    return Point(value, right / total, accepted / total, (total - right - accepted) / total)


def sweep(trials: Sequence[Trial], thresholds: Sequence[float]) -> list[Point]:
    """The same at each threshold."""
    return [point(trials, threshold, threshold) for threshold in thresholds]


def best(points: Sequence[Point], current: Point) -> Point:
    """The point with the highest accuracy: `current` where it is no worse, for a change should gain something.

    Of neighbours that are equally good it is the middle of the longest row of them, which is furthest from where it gets worse.
    `points` are in the order of their values.
    """
    highest = max(point.accuracy for point in points)
    if current.accuracy >= highest:
        return current
    good = np.array([False, *(point.accuracy == highest for point in points), False])
    edges = np.flatnonzero(np.diff(good.astype(np.int8)))
    starts, ends = edges[::2], edges[1::2]
    longest = int((ends - starts).argmax())
    return points[(int(starts[longest]) + int(ends[longest]) - 1) // 2]


def trials(voices: Sequence[Voice], roster: Gallery) -> list[Trial]:
    """A trial for each line, and for each line of somebody who is known another one, as if they were not.

    Voices meet the references of other conversations and enrolled samples only: what was learned from a conversation proves
    nothing about it. The second kind is what keeps the lowest threshold from looking best where nobody labels strangers.
    """
    found: list[Trial] = []
    unit, direction = units(roster.vectors)
    names = np.array([fold(name) for name in roster.names], np.object_)
    for voice in voices:
        usable = direction & (roster.conversations != voice.conversation)
        similarities = np.full(len(unit), np.nan) if voice.vector is None else similarity_matrix(voice.vector[None], unit.T)[0]
        for truth, lines in voice.truths.items():
            own = names == fold(truth)
            known = frozenset({fold(truth)} if bool((usable & own).any()) and not is_unknown(truth) else ())
            found += [_trial(truth, known, similarities, usable, roster.names)] * lines
            if known:
                found += [_trial(truth, frozenset(), similarities, usable & ~own, roster.names)] * lines
    return found


def _trial(
    truth: str, known: frozenset[str], similarities: NDArray[np.floating], usable: NDArray[np.bool_], names: Sequence[str]
) -> Trial:
    near = np.where(usable & np.isfinite(similarities), similarities, -np.inf)
    best = int(near.argmax()) if len(near) else -1
    similarity = float(near[best]) if len(near) else -np.inf
    return Trial(similarity, best >= 0 and is_right(truth, names[best], known), is_right(truth, None, known))
