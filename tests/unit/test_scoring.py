import pytest

from pipeline.evaluation.scoring import ScoredSegment, accuracy, is_right


def test_who_is_right() -> None:
    known = frozenset({"ann", "bob"})
    assert is_right("Ann", " ann", known)
    assert not is_right("Ann", "Bob", known)
    assert not is_right("Ann", None, known)
    assert not is_right("Ann", "Unknown_01", known)
    assert is_right("Eve", "Unknown_01", known)
    assert is_right("Eve", None, known)
    assert not is_right("Eve", "Ann", known)


def test_accuracy_by_segments_and_by_seconds() -> None:
    answers = [
        ScoredSegment("Ann", "Ann", 6.0),
        ScoredSegment("Ann", "Bob", 1.0),
        ScoredSegment("Eve", None, 2.0),
        ScoredSegment("Bob", "Unknown_02", 3.0),
    ]
    known = frozenset({"ann", "bob"})
    every = accuracy(answers, known)
    assert (every.segments, every.right, every.accuracy) == (4, 2, 0.5)
    assert every.accuracy_by_time == pytest.approx(8 / 12)
    long = accuracy(answers, known, min_seconds=2.0)
    assert (long.segments, long.right) == (3, 2)
    nothing = accuracy([], known)
    assert (nothing.accuracy, nothing.accuracy_by_time) == (None, None)
