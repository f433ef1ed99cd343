"""How often a line has the right name."""

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass

from pipeline.identity.matching import is_unknown


def is_right(truth: str, shown: str | None, known: frozenset[str]) -> bool:
    """Whether a line of `truth` is rightly shown as `shown`'s.

    `known` are the names, folded by `fold`, of the people who could have been recognised; anybody else is rightly shown under
    no name, or under one that the program made up.
    """
    named = shown is not None and not is_unknown(shown)
    return fold(truth) == fold(shown or "") if fold(truth) in known else not named


def fold(name: str) -> str:
    """A name as it is compared: people who label recordings care little for capitals."""
    return " ".join(name.casefold().split())


@dataclass(frozen=True, slots=True)
class Answer:
    """A line that somebody has labelled, and whom the transcript takes for its speaker (None: nobody)."""

    truth: str
    shown: str | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Accuracy:
    """How many lines have the right name, and how many seconds they last."""

    segments: int
    right: int
    seconds: float
    right_seconds: float

    @property
    def accuracy(self) -> float | None:
        """None where there are no lines."""
        return self.right / self.segments if self.segments else None

    @property
    def accuracy_by_time(self) -> float | None:
        """The same with long lines counting for more."""
        return self.right_seconds / self.seconds if self.seconds else None


def accuracy(answers: Sequence[Answer], known: frozenset[str], shortest: float = 0.0) -> Accuracy:
    """Over the lines of at least `shortest` seconds; `known` as `is_right` takes it."""
    long = [answer for answer in answers if answer.seconds >= shortest]
    right = [answer for answer in long if is_right(answer.truth, answer.shown, known)]
    return Accuracy(len(long), len(right), sum(a.seconds for a in long), sum(a.seconds for a in right))


def total(parts: Iterable[Accuracy]) -> Accuracy:
    """Of all together."""
    columns = tuple(zip(*(astuple(part) for part in parts), strict=True)) or ((),) * 4
    return Accuracy(*(sum(column) for column in columns))
