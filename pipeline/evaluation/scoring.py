"""Identification accuracy: the share of labelled segments that the transcript shows under the right name."""

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass

from pipeline.identity.matching import is_unknown
from pipeline.names import key


def is_right(truth: str, shown: str | None, known: frozenset[str]) -> bool:
    """Whether a segment spoken by `truth` is right to be shown as spoken by `shown`.

    `known` holds the keys (`pipeline.names.key`) of the speakers that could be recognised. Anyone else is right to have no
    name, or one that the program made up.
    """
    named = shown is not None and not is_unknown(shown)
    return key(truth) == key(shown or "") if key(truth) in known else not named


@dataclass(frozen=True, slots=True)
class ScoredSegment:
    """A labelled segment: its true speaker and the speaker that the transcript shows (None: no name)."""

    truth: str
    shown: str | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Accuracy:
    """How many segments have the right name, and how many seconds they last."""

    segments: int
    right: int
    seconds: float
    right_seconds: float

    @property
    def accuracy(self) -> float | None:
        """None where there are no segments."""
        return self.right / self.segments if self.segments else None

    @property
    def accuracy_by_time(self) -> float | None:
        """The accuracy weighted by duration."""
        return self.right_seconds / self.seconds if self.seconds else None


def accuracy(segments: Sequence[ScoredSegment], known: frozenset[str], min_seconds: float = 0.0) -> Accuracy:
    """The accuracy over the segments of at least `min_seconds`; `known` as in `is_right`."""
    long = [segment for segment in segments if segment.seconds >= min_seconds]
    right = [segment for segment in long if is_right(segment.truth, segment.shown, known)]
    return Accuracy(len(long), len(right), sum(s.seconds for s in long), sum(s.seconds for s in right))


def total(parts: Iterable[Accuracy]) -> Accuracy:
    """The sum of several accuracies."""
    columns = tuple(zip(*(astuple(part) for part in parts), strict=True)) or ((),) * 4
    return Accuracy(*(sum(column) for column in columns))
