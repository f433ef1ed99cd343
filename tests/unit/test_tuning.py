import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.evaluation.tuning import Gallery, LabelledVoice, Point, Trial, best, point, sweep, trials
from pipeline.types import Vector

GRID = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]

any_trial = st.builds(Trial, st.floats(-1, 1), st.booleans(), st.booleans())


def ann(similarity: float) -> Trial:
    """A trial of a known speaker with the closest reference their own."""
    return Trial(similarity, right_if_taken=True, right_if_not=False)


def stranger(similarity: float) -> Trial:
    return Trial(similarity, right_if_taken=False, right_if_not=True)


def test_a_threshold_between_own_voices_and_strangers_is_right_about_all() -> None:
    heard = [ann(0.65), ann(0.8), stranger(0.25), stranger(0.1)]
    found = sweep(heard, GRID)
    assert [p.accuracy for p in found] == [0.75, 0.75, 1, 1, 1, 1, 0.75]
    assert found[0] == Point(0.1, 0.75, 0.25, 0)
    assert found[-1] == Point(0.7, 0.75, 0, 0.25)
    assert best(found, found[0]).value in (0.4, 0.5)


def test_what_is_good_enough_is_not_changed() -> None:
    found = sweep([ann(0.65), stranger(0.25)], GRID)
    assert best(found, found[2]) is found[2]
    outside = point([ann(0.65), stranger(0.25)], 0.31, 0.31)
    assert best(found, outside) is outside


def test_the_longest_row_of_equals_wins() -> None:
    values = [0.9, 0.5, 0.9, 0.9, 0.9, 0.1]
    found = [Point(float(i), accuracy, 0, 1 - accuracy) for i, accuracy in enumerate(values)]
    assert best(found, found[1]).value == 3


def test_a_voice_that_is_as_close_as_the_threshold_is_not_taken() -> None:
    assert point([ann(0.5)], 0.5, 0.5).misses == 1
    assert point([ann(0.5)], 0.49, 0.49).accuracy == 1


def test_without_trials_nothing_is_measured() -> None:
    with pytest.raises(ValueError, match="labelled"):
        sweep([], GRID)


@given(st.lists(any_trial, min_size=1), st.integers(0, len(GRID) - 1))
def test_the_best_is_the_best_and_fractions_add_up(heard: list[Trial], at: int) -> None:
    found = sweep(heard, GRID)
    assert best(found, found[at]).accuracy == max(p.accuracy for p in found)
    assert all(p.accuracy + p.false_accepts + p.misses == pytest.approx(1) for p in found)


ANN, BOB, EVE = (np.eye(3, dtype=np.float32)[i] for i in range(3))


def near(vector: Vector, other: Vector, cosine: float) -> Vector:
    turned: Vector = (cosine * vector + (1 - cosine**2) ** 0.5 * other).astype(np.float32)
    return turned


def roster(*known: tuple[str, Vector, int]) -> Gallery:
    names, vectors, conversations = zip(*known, strict=True)
    return Gallery(np.stack(vectors), names, np.array(conversations))


def test_a_known_speaker_is_tried_as_known_and_as_a_stranger() -> None:
    known = roster(("Ann", ANN, 0), ("Bob", BOB, 2))
    heard = trials([LabelledVoice(near(ANN, BOB, 0.8), 1, {"ann": 2})], known)
    assert [(round(t.similarity, 3), t.right_if_taken, t.right_if_not) for t in heard] == [
        (0.8, True, False),
        (0.8, True, False),
        (0.6, False, True),
        (0.6, False, True),
    ]


def test_references_from_a_conversation_are_not_used_to_score_it() -> None:
    (only,) = trials([LabelledVoice(ANN, 1, {"Ann": 1})], roster(("Ann", ANN, 1), ("Bob", BOB, 2)))
    assert only == Trial(0.0, right_if_taken=False, right_if_not=True)


def test_a_stranger_who_is_taken_for_another_unknown_voice_has_no_wrong_name() -> None:
    (only,) = trials([LabelledVoice(EVE, 1, {"Eve": 1})], roster(("Unknown_07", EVE, 2)))
    assert only.right_if_taken
    assert only.right_if_not


def test_a_voice_without_a_vector_is_unknown() -> None:
    found = trials([LabelledVoice(None, 1, {"Ann": 1, "Eve": 1})], roster(("Ann", ANN, 2)))
    assert [t.similarity for t in found] == [-np.inf] * 3
    assert point(found, 0.1, 0.1).accuracy == pytest.approx(2 / 3)


def test_without_known_speakers_all_are_strangers() -> None:
    nobody = Gallery(np.zeros((0, 3), np.float32), [], np.zeros(0, np.int64))
    assert trials([LabelledVoice(ANN, 1, {"Ann": 1})], nobody) == [Trial(-np.inf, False, True)]
