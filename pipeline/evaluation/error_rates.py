"""How far a transcript is from what was said, and by whom."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.types import Span, Turn

_Row = NDArray[np.int64]

_DELETE, _INSERT, _PAIR = 0, 1, 2


def tokens(text: str) -> list[str]:
    """The words of a text as they are compared: lower case, no punctuation ("don't" is "dont", "well-known" two words)."""
    return re.findall(r"\w+", re.sub("['\u2019]", "", text.casefold()))


def _numbers(reference: Sequence[str], hypothesis: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Words as integers, the same word the same integer, because arrays of those are compared fast."""
    ids = {word: number for number, word in enumerate(dict.fromkeys([*reference, *hypothesis]))}
    return np.array([ids[w] for w in reference], np.int64), np.array([ids[w] for w in hypothesis], np.int64)


def _costs(reference: Sequence[str], hypothesis: Sequence[str]) -> Iterator[tuple[_Row, _Row, _Row]]:
    """Levenshtein's table (1966), a row for each word of the reference, in units of which an edit costs more than all matches.

    A match takes 1 off: of the shortest paths the one with the most words that are the same is wanted. Each row comes with what
    it would cost to delete its word and, one shorter, to pair it. Within a row a cell may also come from its left neighbour,
    which is a running minimum once the insertions up to each column are taken off (Wagner and Fischer's table, row by row).
    """
    rows, columns = _numbers(reference, hypothesis)
    edit = _edit_cost(reference, hypothesis)
    insertions = edit * np.arange(len(columns) + 1)
    costs = insertions
    for word in rows:
        deleted = costs + edit
        paired = costs[:-1] + np.where(columns == word, -1, edit)
        best = np.concatenate([deleted[:1], np.minimum(deleted[1:], paired)])
        costs = np.minimum.accumulate(best - insertions) + insertions
        yield costs, deleted, paired


def _edit_cost(reference: Sequence[str], hypothesis: Sequence[str]) -> int:
    return min(len(reference), len(hypothesis)) + 1


def _steps(reference: Sequence[str], hypothesis: Sequence[str]) -> NDArray[np.uint8]:
    """The last step of a shortest path to each pair of prefixes, shape (n + 1, m + 1).

    10,000 words against 10,000 take 100 MB and two seconds.
    """
    steps = np.full((len(reference) + 1, len(hypothesis) + 1), _INSERT, np.uint8)
    steps[:, 0] = _DELETE
    for row, (costs, deleted, paired) in enumerate(_costs(reference, hypothesis), 1):
        steps[row, 1:] = np.where(costs[1:] == paired, _PAIR, np.where(costs[1:] == deleted[1:], _DELETE, _INSERT))
    return steps


def word_errors(reference: str, hypothesis: str) -> tuple[int, int]:
    """Substituted, deleted and inserted words, and the number of words in the reference.

    Case and punctuation do not count. 50,000 words against as many take some ten seconds, and little memory.
    """
    expected, heard = tokens(reference), tokens(hypothesis)
    last = len(heard) * _edit_cost(expected, heard)
    for costs, _, _ in _costs(expected, heard):
        last = int(costs[-1])
    return -(-last // _edit_cost(expected, heard)), len(expected)


def word_error_rate(reference: str, hypothesis: str) -> float:
    """Wrong words as a fraction of the reference's, 0 where both say the same; it can exceed 1.

    Raises ValueError where the reference has no words.
    """
    errors, words = word_errors(reference, hypothesis)
    if not words:
        raise ValueError("The reference has no words: there is nothing to measure an error rate against.")
    return errors / words


@dataclass(frozen=True, slots=True)
class DiarizationErrors:
    """Seconds of the reference's speech, and of what is wrong with the hypothesis under the best mapping of speakers."""

    speech: float
    missed: float
    false_alarm: float
    confusion: float

    @property
    def rate(self) -> float:
        """The diarization error rate; where the reference holds no speech 0 or, if the hypothesis does, 1."""
        wrong = self.missed + self.false_alarm + self.confusion
        return wrong / self.speech if self.speech else float(wrong > 0)

    def __add__(self, other: "DiarizationErrors") -> "DiarizationErrors":
        """Of two recordings together."""
        pairs = zip(astuple(self), astuple(other), strict=True)
        return DiarizationErrors(*(one + another for one, another in pairs))


def diarization_errors(
    reference: Sequence[Turn], hypothesis: Sequence[Turn], scored: Sequence[Span], *, collar: float = 0.0
) -> DiarizationErrors:
    """What is wrong within `scored`, overlaps included, but for `collar` seconds on either side of each boundary.

    0.25 is NIST's collar; pyannote counts both sides together and would call that 0.5.
    """
    from pyannote.core import Annotation, Segment, Timeline
    from pyannote.metrics.diarization import DiarizationErrorRate

    def annotation(turns: Sequence[Turn]) -> Annotation:
        result = Annotation()
        for track, turn in enumerate(turns):
            result[Segment(turn.start, turn.end), track] = turn.speaker
        return result

    metric = DiarizationErrorRate(collar=2 * collar, skip_overlap=False)
    region = Timeline([Segment(span.start, span.end) for span in scored]).support()
    found = metric(annotation(reference), annotation(hypothesis), uem=region, detailed=True)
    seconds = (found["total"], found["missed detection"], found["false alarm"], found["confusion"])
    return DiarizationErrors(*(float(value) for value in seconds))


def diarization_error_rate(
    reference: Sequence[Turn], hypothesis: Sequence[Turn], *, duration: float, collar: float = 0.0
) -> float:
    """Missed, false and confused speech as a fraction of the reference's speech, under the best mapping of speakers.

    All of the recording, from 0 to `duration` seconds, is scored, overlaps included, but for `collar` seconds on either side of
    each boundary of the reference (0.25 is NIST's; pyannote counts both sides together and would call that 0.5).
    """
    return diarization_errors(reference, hypothesis, [Span(0, duration)], collar=collar).rate


def word_speaker_accuracy(reference: Sequence[tuple[str, str]], hypothesis: Sequence[tuple[str, str]]) -> float:
    """Fraction of the words heard right that were given to the right speaker; 0 where no word was heard right.

    Both are (word, speaker) in the order of time. Words are aligned by edit distance, and only those that are the same on both
    sides count; each speaker of the hypothesis stands for at most one of the reference, in the way that is best for all.
    """
    from scipy.optimize import linear_sum_assignment

    expected = [(token, speaker) for word, speaker in reference for token in tokens(word)]
    heard = [(token, speaker) for word, speaker in hypothesis for token in tokens(word)]
    steps = _steps([word for word, _ in expected], [word for word, _ in heard])
    together: Counter[tuple[str, str]] = Counter()
    row, column = len(expected), len(heard)
    while row or column:
        step = steps[row, column]
        row, column = row - (step != _INSERT), column - (step != _DELETE)
        if step == _PAIR and expected[row][0] == heard[column][0]:
            together[expected[row][1], heard[column][1]] += 1
    if not together:
        return 0.0
    speakers, labels = sorted({speaker for speaker, _ in together}), sorted({label for _, label in together})
    counts = np.array([[together[speaker, label] for label in labels] for speaker in speakers])
    return float(counts[linear_sum_assignment(counts, maximize=True)].sum() / counts.sum())
