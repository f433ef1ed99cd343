import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.evaluation.error_rates import (
    diarization_error_rate,
    diarization_errors,
    tokens,
    word_error_rate,
    word_errors,
    word_speaker_accuracy,
)
from pipeline.types import Span, Turn

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


@given(_words.filter(bool), _words)
def test_word_error_rate_agrees_with_jiwer(reference: list[str], hypothesis: list[str]) -> None:
    jiwer = pytest.importorskip("jiwer")
    texts = " ".join(reference), " ".join(hypothesis)
    assert word_error_rate(*texts) == pytest.approx(jiwer.wer(*texts))


@pytest.mark.timeout(60)
def test_an_hour_of_words_takes_seconds() -> None:
    said = [str(n) for n in np.random.default_rng(0).integers(0, 2000, 6000)]
    heard = [word for i, word in enumerate(said) if i % 10]
    assert word_error_rate(" ".join(said), " ".join(heard)) == pytest.approx(0.1)


def test_without_a_reference_there_is_no_word_error_rate() -> None:
    with pytest.raises(ValueError, match="no words"):
        word_error_rate(" …", "hello")


def test_diarization_error_rate_adds_missed_false_and_confused_speech() -> None:
    reference = [Turn(0, 4, "ann"), Turn(4, 8, "bob")]
    same = [Turn(0, 4, "x"), Turn(4, 8, "y")]
    assert diarization_error_rate(reference, same, duration=10) == 0
    assert diarization_error_rate(reference, same[:1], duration=10) == pytest.approx(4 / 8)
    assert diarization_error_rate(reference, [*same, Turn(8, 10, "y")], duration=10) == pytest.approx(2 / 8)
    assert diarization_error_rate(reference, [Turn(0, 5, "x"), Turn(5, 8, "y")], duration=10) == pytest.approx(1 / 8)
    assert diarization_error_rate(reference, [Turn(0, 8, "x")], duration=10) == pytest.approx(4 / 8)


def test_speech_after_the_end_is_not_scored() -> None:
    assert diarization_error_rate([Turn(0, 4, "a")], [Turn(0, 9, "a")], duration=4) == 0


def test_overlapped_speech_counts_for_each_speaker() -> None:
    both = [Turn(0, 4, "a"), Turn(2, 4, "b")]
    assert diarization_error_rate(both, both, duration=4) == 0
    assert diarization_error_rate(both, both[:1], duration=4) == pytest.approx(2 / 6)


def test_a_collar_is_taken_off_each_side_of_a_boundary() -> None:
    reference = [Turn(1, 5, "a")]
    late = [Turn(1.25, 5, "a")]
    assert diarization_error_rate(reference, late, duration=10) == pytest.approx(0.25 / 4)
    assert diarization_error_rate(reference, late, duration=10, collar=0.25) == 0
    assert diarization_error_rate(reference, late, duration=10, collar=0.125) == pytest.approx(0.125 / 3.75)


def test_speakers_of_words_are_compared_under_the_best_mapping() -> None:
    said = [("Hello?", "ann"), ("Hello?", "bob"), ("Oh,", "ann"), ("hello.", "ann")]
    assert word_speaker_accuracy(said, [("hello", "1"), ("hello", "0"), ("oh", "1"), ("hello", "1")]) == 1
    assert word_speaker_accuracy(said, [("hello", "1"), ("hello", "1"), ("oh", "1"), ("hello", "1")]) == 3 / 4
    # Two labels for ann: only one of them can be her.
    assert word_speaker_accuracy(said, [("hello", "1"), ("hello", "0"), ("oh", "2"), ("hello", "2")]) == 3 / 4


def test_a_greedy_mapping_is_not_the_best() -> None:
    said = [(str(i), "a" if i < 7 else "b") for i in range(11)]
    heard = [(str(i), "x" if i < 4 or i >= 7 else "y") for i in range(11)]  # a-x 4, a-y 3, b-x 4
    assert word_speaker_accuracy(said, heard) == 7 / 11


def test_only_words_that_were_heard_right_count() -> None:
    said = [("one", "a"), ("two", "a"), ("three", "b"), ("four", "b")]
    assert word_speaker_accuracy(said, [("one", "x"), ("too", "y"), ("three", "y")]) == 1
    assert word_speaker_accuracy(said, [("one", "x"), ("extra", "y"), ("two", "y"), ("four", "y")]) == 2 / 3
    assert word_speaker_accuracy(said, [("nothing", "x")]) == 0
    assert word_speaker_accuracy([], []) == 0


def test_errors_of_two_recordings_are_added_before_they_are_divided() -> None:
    right = diarization_errors([Turn(0, 9, "a")], [Turn(0, 9, "x")], [Span(0, 10)])
    wrong = diarization_errors([Turn(0, 1, "a")], [], [Span(0, 10)])
    assert (right.rate, wrong.rate, (right + wrong).rate) == (0, 1, pytest.approx(0.1))
    assert diarization_errors([], [], [Span(0, 1)]).rate == 0
    assert diarization_errors([], [Turn(0, 1, "x")], [Span(0, 1)]).rate == 1


def test_only_what_is_to_be_scored_is_scored() -> None:
    reference, hypothesis = [Turn(0, 2, "a"), Turn(4, 6, "a")], [Turn(0, 9, "x")]
    assert diarization_errors(reference, hypothesis, [Span(0, 2), Span(4, 6), Span(5, 6)]).rate == 0
    assert diarization_errors(reference, hypothesis, [Span(0, 9)]).false_alarm == 5


def test_words_against_nothing_are_all_wrong() -> None:
    assert word_errors("one two three", "") == (3, 3)
    assert word_errors("", "one two") == (2, 0)
