"""Segments are split between words and joined without losing any."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.transcript.segment_edits import between, join, split
from pipeline.transcript.word_times import joined
from pipeline.types import Span, Word

SPAN = Span(1.0, 9.0)


def word(text: str, start: float, end: float) -> Word:
    return Word(text, start, end, 0.5)


def test_the_pause_is_of_neither_part() -> None:
    words = (word(" one", 1.5, 2.0), word(" two", 2.0, 3.0), word(" six", 5.0, 6.0))
    assert split(words, SPAN, 2) == ((Span(1.0, 3.0), words[:2]), (Span(5.0, 9.0), words[2:]))


@pytest.mark.parametrize("at", [-1, 0, 2, 3])
def test_no_part_is_without_words(at: int) -> None:
    with pytest.raises(ValueError, match="is not split"):
        split((word(" one", 1.0, 2.0), word(" two", 2.0, 3.0)), SPAN, at)


def test_joined_words_have_a_space_between_them_where_the_writing_has() -> None:
    assert joined(join((word("one", 1, 2),), (word("two", 2, 3),))) == "one two"
    assert joined(join((word(" one", 1, 2),), (word(" two", 2, 3),))) == "one two"
    assert joined(join((word("你", 1, 2),), (word("好", 2, 3),))) == "你好"
    assert join((), (word("two", 2, 3),)) == (word("two", 2, 3),)


@given(st.lists(st.tuples(st.floats(0, 10), st.floats(0, 10)), min_size=2, max_size=8), st.data())
def test_parts_have_all_words_and_stay_inside_the_segment(times: list[tuple[float, float]], data: st.DataObject) -> None:
    """Also where the times of words are in no order."""
    words = tuple(word(f" {i}", *pair) for i, pair in enumerate(times))
    (first, before), (second, after) = split(words, SPAN, data.draw(st.integers(1, len(words) - 1)))
    assert join(before, after) == words
    for part in (first, second):
        assert SPAN.start <= part.start <= part.end <= SPAN.end


def test_there_is_always_a_position_between_two() -> None:
    """More often than a segment has words, from both sides, and for long recordings."""
    for start in (Decimal(0), Decimal(19_999)):
        first, last = start, start + 1
        for i in range(2000):
            middle = between(first, last)
            assert first < middle < last
            first, last = (middle, last) if i % 3 else (first, middle)
