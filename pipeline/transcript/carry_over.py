"""What becomes of a line when its recording is processed again: which new line says the same words at the same time."""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

import numpy as np

from pipeline.transcript.tokens import tokens
from pipeline.types import Word

Old = TypeVar("Old", bound=Hashable)
New = TypeVar("New", bound=Hashable)
Line = TypeVar("Line", bound=Hashable)

TOLERANCE = 2.0
"""Seconds between two hearings of one word. Two models of Whisper differ by tenths, and by a second or so at a pause."""


def sources(old: Mapping[Old, Sequence[Word]], new: Mapping[New, Sequence[Word]]) -> dict[New, Old]:
    """For each new line the old one that most of its words come from; none where they come from nowhere or from many.

    Words are the same where they are spelled alike (`tokens`) and heard within `TOLERANCE` of each other. They are
    paired one to one, the closest in time first, so that the cost grows with the length of the recording and not with its
    square, as an edit distance's would.
    """
    shared = _shared(old, new)
    found: dict[New, Old] = {}
    best: dict[New, int] = {}
    for (source, line), count in shared.items():
        if 2 * count > _length(new[line]) and count > best.get(line, 0):
            found[line], best[line] = source, count
    return found


def carry(old: Mapping[Old, Sequence[Word]], new: Mapping[New, Sequence[Word]]) -> dict[Old, New]:
    """For each old line that is still there the one new line that stands for it.

    It holds more of the old line's words than any other, and most of its own words are from there: a short line that was
    swallowed by a long one is gone, and of a line that was cut in two the longer part stands for it. No new line stands for
    two old ones.
    """
    shared = _shared(old, new)
    heirs: dict[Old, New] = {}
    for line, source in sources(old, new).items():
        count = shared[source, line]
        if source not in heirs or count > shared[source, heirs[source]]:
            heirs[source] = line
    return heirs


def _length(words: Sequence[Word]) -> int:
    return sum(len(tokens(word.text)) for word in words)


def _shared(old: Mapping[Old, Sequence[Word]], new: Mapping[New, Sequence[Word]]) -> Counter[tuple[Old, New]]:
    """How many words each old line shares with each new one."""
    before, after = _heard(old), _heard(new)
    pairs: list[tuple[float, int, int, Old, New]] = []
    for token, sayings in before.items():
        if token not in after:
            continue
        times = np.array([time for time, _, _ in after[token]])
        for time, index, line in sayings:
            first, last = np.searchsorted(times, (time - TOLERANCE, time + TOLERANCE), side="left")
            pairs += [(abs(time - t), index, i, line, other) for t, i, other in after[token][first:last]]
    counts: Counter[tuple[Old, New]] = Counter()
    used_old: set[int] = set()
    used_new: set[int] = set()
    for _, index, other_index, line, other in sorted(pairs, key=lambda pair: pair[:3]):
        if index not in used_old and other_index not in used_new:
            used_old.add(index)
            used_new.add(other_index)
            counts[line, other] += 1
    return counts


def _heard(lines: Mapping[Line, Sequence[Word]]) -> dict[str, list[tuple[float, int, Line]]]:
    """Where each token is said: the middle of its word, a number of its own, and its line; in order of time."""
    found: dict[str, list[tuple[float, int, Line]]] = {}
    number = 0
    for line, words in lines.items():
        for word in words:
            for token in tokens(word.text):
                found.setdefault(token, []).append(((word.start + word.end) / 2, number, line))
                number += 1
    for sayings in found.values():
        sayings.sort(key=lambda saying: saying[:2])
    return found
