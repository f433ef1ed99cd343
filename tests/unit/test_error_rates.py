from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.evaluation.error_rates import (
    aligned,
    character_errors,
    speaker_word_errors,
    word_error_rate,
    word_errors,
    word_speaker_accuracy,
    written_errors,
)
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


@pytest.mark.timeout(600)
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


@given(st.lists(st.lists(st.sampled_from("abcd"), max_size=9), max_size=9), st.lists(st.sampled_from("abcd"), max_size=40))
def test_errors_of_utterances_sum_to_those_of_the_whole(utterances: list[list[str]], hypothesis: list[str]) -> None:
    spoken, heard = [" ".join(words) for words in utterances if words], " ".join(hypothesis)
    found = aligned(spoken, heard)
    assert [one for one, _ in found] == spoken
    assert " ".join(other for _, other in found if other) == (heard if spoken else "")
    if spoken:
        assert sum(word_errors(*pair)[0] for pair in found) == word_errors(" ".join(spoken), heard)[0]


def test_a_word_between_two_utterances_belongs_to_the_first() -> None:
    assert aligned(["One two.", "...", "Three four."], "one two or four") == [("one two", "one two"), ("three four", "or four")]
    assert aligned(["One two.", "Three."], "one two uh three") == [("one two", "one two uh"), ("three", "three")]


def test_characters_are_compared_without_spaces_and_case() -> None:
    assert character_errors("Das Haus.", "das  hauß") == (1, 7)
    assert character_errors("", "ab") == (2, 0)


def test_words_of_the_wrong_speaker_are_wrong() -> None:
    said = {"ann": "one two three", "bob": "four five"}
    assert speaker_word_errors(said, {"B": "four five", "A": "one two three"}) == (0, 5)
    assert speaker_word_errors(said, {"A": "one two", "B": "three four five"}) == (2, 5)
    assert speaker_word_errors(said, {"A": "one two three four five"}) == (4, 5)
    assert speaker_word_errors(said, {"A": "one two three", "B": "four", "C": "five"}) == (2, 5)


@pytest.mark.parametrize(
    ("reference", "hypothesis", "case", "punctuation"),
    [
        ("Mr. Quilter came, I think.", "Mr. Quilter came, I think.", (0, 5), (0, 3)),
        ("Mr. Quilter came, I think.", "mr. Quilter came I think?", (1, 5), (2, 3)),
        ("Mr. Quilter came, I think.", "Mr. Quilter comes, I think", (0, 4), (1, 2)),
        ("so it is", "So, it is", (1, 3), (1, 1)),
        ("客観的実在。", "客観的実在.", (0, 1), (0, 1)),
        ("Well-known.", "well-known.", (1, 1), (0, 1)),
    ],
)
def test_case_and_punctuation_of_right_words_are_compared(
    reference: str, hypothesis: str, case: tuple[int, int], punctuation: tuple[int, int]
) -> None:
    assert written_errors(reference, hypothesis) == (case, punctuation)
