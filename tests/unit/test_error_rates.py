from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.evaluation.error_rates import word_error_rate, word_errors, word_speaker_accuracy
from pipeline.transcript.tokens import tokens

_words = st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=9)


def test_words_are_compared_without_case_and_punctuation() -> None:
    assert tokens("Well-known: DON'T, don\u2019t… Über 42.") == ["well", "known", "dont", "dont", "über", "42"]


@pytest.mark.parametrize(
    ("reference", "hypothesis", "rate"),
    [
        ("Oh, hello.", "oh hello", 0),
        ("the cat sat down", "the cat sat", 1 / 4),
        ("the cat sat down", "the bat sat down", 1 / 4),
        ("the cat sat down", "well the cat sat down", 1 / 4),
        ("the cat sat down", "a cat down there", 3 / 4),
        ("hello", "", 1),
        ("hello", "oh well hello there", 3),
    ],
)
def test_word_error_rate(reference: str, hypothesis: str, rate: float) -> None:
    assert word_error_rate(reference, hypothesis) == rate


@given(_words, _words)
def test_word_errors_are_the_edit_distance(reference: list[str], hypothesis: list[str]) -> None:
    @cache
    def distance(i: int, j: int) -> int:
        """The Levenshtein distance, computed by its definition."""
        if not i or not j:
            return i + j
        pair = distance(i - 1, j - 1) + (reference[i - 1] != hypothesis[j - 1])
        return min(pair, distance(i - 1, j) + 1, distance(i, j - 1) + 1)

    expected = (distance(len(reference), len(hypothesis)), len(reference))
    assert word_errors(" ".join(reference), " ".join(hypothesis)) == expected


@pytest.mark.timeout(60)
def test_an_hour_of_words_takes_seconds() -> None:
    reference = [str(n) for n in np.random.default_rng(0).integers(0, 2000, 6000)]
    hypothesis = [word for i, word in enumerate(reference) if i % 10]
    assert word_error_rate(" ".join(reference), " ".join(hypothesis)) == pytest.approx(0.1)


def test_without_a_reference_there_is_no_word_error_rate() -> None:
    with pytest.raises(ValueError, match="no words"):
        word_error_rate(" …", "hello")


def test_speakers_of_words_are_compared_under_the_best_mapping() -> None:
    reference = [("Hello?", "ann"), ("Hello?", "bob"), ("Oh,", "ann"), ("hello.", "ann")]
    assert word_speaker_accuracy(reference, [("hello", "1"), ("hello", "0"), ("oh", "1"), ("hello", "1")]) == 1
    assert word_speaker_accuracy(reference, [("hello", "1"), ("hello", "1"), ("oh", "1"), ("hello", "1")]) == 3 / 4
    # Two labels for ann: only one of them can be her.
    assert word_speaker_accuracy(reference, [("hello", "1"), ("hello", "0"), ("oh", "2"), ("hello", "2")]) == 3 / 4


def test_a_greedy_mapping_is_not_the_best() -> None:
    reference = [(str(i), "a" if i < 7 else "b") for i in range(11)]
    hypothesis = [(str(i), "x" if i < 4 or i >= 7 else "y") for i in range(11)]  # a-x 4, a-y 3, b-x 4
    assert word_speaker_accuracy(reference, hypothesis) == 7 / 11


def test_only_correctly_recognized_words_count() -> None:
    reference = [("one", "a"), ("two", "a"), ("three", "b"), ("four", "b")]
    assert word_speaker_accuracy(reference, [("one", "x"), ("too", "y"), ("three", "y")]) == 1
    assert word_speaker_accuracy(reference, [("one", "x"), ("extra", "y"), ("two", "y"), ("four", "y")]) == 2 / 3
    assert word_speaker_accuracy(reference, [("nothing", "x")]) == 0
    assert word_speaker_accuracy([], []) == 0


def test_words_against_nothing_are_all_wrong() -> None:
    assert word_errors("one two three", "") == (3, 3)
    assert word_errors("", "one two") == (2, 0)
