"""Corrections follow the words on which they were made. Words without a correction never get one."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.transcript.carry_over import MAX_TIME_DIFFERENCE_S, carry, sources
from pipeline.types import Word

Lines = dict[int, list[Word]]

SECONDS = 0.4
"""From one word to the next."""


def words(texts: Sequence[str], start: float = 0.0) -> list[Word]:
    times = [start + SECONDS * i for i in range(len(texts))]
    return [Word(f" {text}", at, at + SECONDS, 0.9) for text, at in zip(texts, times, strict=True)]


def segments(spoken: Sequence[Word], cuts: Sequence[int]) -> Lines:
    """The words, divided into segments that end before each of the cuts. A segment may have no words."""
    bounds = [0, *sorted(min(cut, len(spoken)) for cut in cuts), len(spoken)]
    return {i: list(spoken[a:b]) for i, (a, b) in enumerate(pairwise(bounds))}


def moved(word: Word, by: float) -> Word:
    return Word(word.text, word.start + by, word.end + by, word.probability)


def unique(count: int) -> list[Word]:
    return words([f"word{i}" for i in range(count)])


cuts = st.lists(st.integers(0, 40), max_size=12)


@given(st.lists(st.sampled_from(["yes", "no", "well", "Don't!", "—"]), max_size=40), cuts)
def test_an_unchanged_transcript_keeps_every_segment(texts: list[str], where: list[int]) -> None:
    same = segments(words(texts), where)
    spoken = {line: line for line, spoken in same.items() if any(word.text != " —" for word in spoken)}
    assert carry(same, same) == sources(same, same) == spoken


@given(cuts, cuts, st.lists(st.floats(-0.15, 0.15), min_size=40, max_size=40), st.sets(st.integers(0, 39)))
def test_each_segment_goes_where_most_of_its_words_are(
    old_cuts: list[int], new_cuts: list[int], jitter: list[float], changed: set[int]
) -> None:
    spoken = unique(40)
    heard = [moved(word, by) for word, by in zip(spoken, jitter, strict=True)]
    heard = [Word(" other", w.start, w.end, 0.5) if i in changed else w for i, w in enumerate(heard)]
    old, new = segments(spoken, old_cuts), segments(heard, new_cuts)
    line_of = {word.text: line for line, theirs in old.items() for word in theirs}
    origins = {line: Counter(line_of[word.text] for word in theirs if word.text in line_of) for line, theirs in new.items()}

    found = sources(old, new)
    for line, theirs in new.items():
        majority = [source for source, count in origins[line].items() if 2 * count > len(theirs)]
        assert ([found[line]] if line in found else []) == majority

    carried = carry(old, new)
    assert len(set(carried.values())) == len(carried)
    for source in old:
        candidates = [line for line in new if found.get(line) == source]
        assert (source in carried) == bool(candidates)
        if candidates:
            assert origins[carried[source]][source] == max(origins[line][source] for line in candidates)


@given(cuts, cuts)
def test_other_words_carry_nothing(old_cuts: list[int], new_cuts: list[int]) -> None:
    old = segments(words(["yes"] * 30), old_cuts)
    assert carry(old, segments(words(["no"] * 30), new_cuts)) == {}


def test_the_same_words_at_another_time_carry_nothing() -> None:
    spoken = unique(10)
    later = [moved(word, MAX_TIME_DIFFERENCE_S + 0.1) for word in spoken]
    assert carry({1: spoken}, {1: later}) == {}
    assert carry({1: spoken}, {1: [moved(word, MAX_TIME_DIFFERENCE_S - 0.1) for word in spoken]}) == {1: 1}


def test_a_short_segment_within_a_long_one_is_gone() -> None:
    spoken = unique(10)
    assert carry({"short": spoken[:2], "long": spoken[2:]}, {"all": spoken}) == {"long": "all"}


def test_a_divided_segment_succeeds_in_its_longer_part_and_is_the_source_of_both() -> None:
    spoken = unique(10)
    new = {"first": spoken[:4], "second": spoken[4:]}
    assert carry({"line": spoken}, new) == {"line": "second"}
    assert sources({"line": spoken}, new) == {"first": "line", "second": "line"}


def test_spelling_does_not_count_but_words_do() -> None:
    old = {1: words(["Well,", "don't", "go"])}
    assert carry(old, {1: words(["well", "DONT", "go."])}) == {1: 1}
    assert carry(old, {1: words(["well", "please", "stay"])}) == {}


@pytest.mark.timeout(600)
def test_a_day_of_talk_takes_seconds() -> None:
    spoken = words([f"w{i % 300}" for i in range(60_000)])
    old, new = segments(spoken, range(0, 60_000, 12)), segments(spoken, range(0, 60_000, 13))
    assert len(carry(old, new)) > 4000
