import pytest

from engines.diarization_errors import diarization_error_rate, diarization_errors
from pipeline.types import Span, Turn


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


def test_errors_of_two_recordings_are_added_before_they_are_divided() -> None:
    right = diarization_errors([Turn(0, 9, "a")], [Turn(0, 9, "x")], [Span(0, 10)])
    wrong = diarization_errors([Turn(0, 1, "a")], [], [Span(0, 10)])
    assert (right.rate, wrong.rate) == (0, 1)
    assert (right + wrong).rate == pytest.approx(0.1)
    assert diarization_errors([], [], [Span(0, 1)]).rate == 0
    assert diarization_errors([], [Turn(0, 1, "x")], [Span(0, 1)]).rate == 1


def test_only_what_is_to_be_scored_is_scored() -> None:
    reference, hypothesis = [Turn(0, 2, "a"), Turn(4, 6, "a")], [Turn(0, 9, "x")]
    assert diarization_errors(reference, hypothesis, [Span(0, 2), Span(4, 6), Span(5, 6)]).rate == 0
    assert diarization_errors(reference, hypothesis, [Span(0, 9)]).false_alarm == 5
