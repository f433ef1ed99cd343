"""Match the segments of two transcripts of one recording by their words, when the recording is processed again."""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

import numpy as np

from pipeline.transcript.tokens import tokens
from pipeline.types import Word

Old = TypeVar("Old", bound=Hashable)
New = TypeVar("New", bound=Hashable)
Key = TypeVar("Key", bound=Hashable)

MAX_TIME_DIFFERENCE_S = 2.0
"""Between two transcriptions of one word. Two models of Whisper differ by tenths of a second, and by about a second at a
pause."""


def sources(old: Mapping[Old, Sequence[Word]], new: Mapping[New, Sequence[Word]]) -> dict[New, Old]:
    """Map each new segment to the old segment that more than half of its words come from; others are left out.

    Two words are the same if they have equal `tokens` and their times differ by at most `MAX_TIME_DIFFERENCE_S`. Words are
    paired one to one, closest in time first: the cost grows with the length of the recording, not with its square as an edit
    distance's would.
    """
    shared = _shared(old, new)
    found: dict[New, Old] = {}
    most: dict[New, int] = {}
    for (source, segment), count in shared.items():
        if 2 * count > _length(new[segment]) and count > most.get(segment, 0):
            found[segment], most[segment] = source, count
    return found


def carry(old: Mapping[Old, Sequence[Word]], new: Mapping[New, Sequence[Word]]) -> dict[Old, New]:
    """Map each old segment to the one new segment that replaces it; old segments without one are left out.

    The successor holds more of the old segment's words than any other new segment, and more than half of its own words come
    from the old segment. A short segment that became part of a long one therefore has no successor, and the longer part of a
    segment that was cut in two is its successor. No new segment is the successor of two old ones.
    """
    shared = _shared(old, new)
    successors: dict[Old, New] = {}
    for segment, source in sources(old, new).items():
        count = shared[source, segment]
        if source not in successors or count > shared[source, successors[source]]:
            successors[source] = segment
    return successors


def _length(words: Sequence[Word]) -> int:
    return sum(len(tokens(word.text)) for word in words)


def _shared(old: Mapping[Old, Sequence[Word]], new: Mapping[New, Sequence[Word]]) -> Counter[tuple[Old, New]]:
    """The number of words that each pair of an old and a new segment shares."""
    before, after = _occurrences(old), _occurrences(new)
    pairs: list[tuple[float, int, int, Old, New]] = []
    for token, occurrences in before.items():
        if token not in after:
            continue
        times = np.array([time for time, _, _ in after[token]])
        for time, index, segment in occurrences:
            interval = (time - MAX_TIME_DIFFERENCE_S, time + MAX_TIME_DIFFERENCE_S)
            first, last = np.searchsorted(times, interval, side="left")
            pairs += [(abs(time - t), index, i, segment, other) for t, i, other in after[token][first:last]]
    counts: Counter[tuple[Old, New]] = Counter()
    used_old: set[int] = set()
    used_new: set[int] = set()
    for _, index, other_index, segment, other in sorted(pairs, key=lambda pair: pair[:3]):
        if index not in used_old and other_index not in used_new:
            used_old.add(index)
            used_new.add(other_index)
            counts[segment, other] += 1
    return counts


def _occurrences(segments: Mapping[Key, Sequence[Word]]) -> dict[str, list[tuple[float, int, Key]]]:
    """The occurrences of each token: the middle of its word in seconds, a unique number, its segment; in order of time."""
    found: dict[str, list[tuple[float, int, Key]]] = {}
    number = 0
    for segment, words in segments.items():
        for word in words:
            for token in tokens(word.text):
                found.setdefault(token, []).append(((word.start + word.end) / 2, number, segment))
                number += 1
    for occurrences in found.values():
        occurrences.sort(key=lambda occurrence: occurrence[:2])
    return found
