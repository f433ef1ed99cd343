"""Similarities of voices that spoke little, and voices that resemble two people."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.identity.attenuation import CHANCE_S, ENOUGH_S, SHORTEST_S, attenuation
from pipeline.identity.gallery import Reference, ReferenceMatrix
from pipeline.identity.matching import MAX_SIMILARITY, NEXT_COMPARED, examined, without_doubtful

MODEL = "wespeaker-resnet34"
ALICE, BOB, UNKNOWN = 1, 2, 3


@given(st.lists(st.floats(0, 1e4), min_size=2, max_size=20))
def test_less_speech_is_corrected_more_and_none_beyond_enough(seconds: list[float]) -> None:
    found = attenuation(sorted(seconds), MODEL)
    assert (np.diff(found) >= 0).all()
    assert (found > 0).all()
    assert (found <= 1).all()
    assert attenuation([ENOUGH_S, 1e4, None], MODEL).tolist() == [1, 1, 1]
    assert attenuation([0.0], MODEL) == attenuation([SHORTEST_S], MODEL)


def test_a_model_that_was_not_measured_is_not_corrected() -> None:
    assert attenuation([0.5, 2.0], "pyannote/embedding").tolist() == [1, 1]


def similarity(seconds: float | None, enrolled: float | None, model: str = MODEL) -> float:
    matrix = ReferenceMatrix(2, model)
    matrix.put([Reference("a", ALICE, np.array([3, 0], np.float32), enrolled)])
    (near,) = matrix.neighbours(np.array([[1, np.sqrt(3)]], np.float32), -1.1, [seconds])
    return near[ALICE]


def test_both_sides_count() -> None:
    half = 0.5
    assert similarity(8.0, 20.0) == similarity(None, None) == similarity(2.0, 2.0, "other") == pytest.approx(half)
    chance = CHANCE_S[MODEL]
    share = 2.0 / (2.0 + chance) * (ENOUGH_S + chance) / ENOUGH_S
    assert similarity(2.0, 20.0) == similarity(20.0, 2.0) == pytest.approx(half / np.sqrt(share))
    assert similarity(2.0, 2.0) == pytest.approx(half / share)
    assert half < 0.53 < similarity(2.0, 2.0)


def test_a_corrected_similarity_is_none_of_a_person_who_identified_the_voice() -> None:
    matrix = ReferenceMatrix(1, MODEL)
    matrix.put([Reference("a", ALICE, np.array([1], np.float32), 2.0)])
    assert matrix.neighbours(np.array([[1]], np.float32), 0.0, [2.0]) == [{ALICE: MAX_SIMILARITY}]


@pytest.mark.parametrize(
    ("near", "kept"),
    [
        ({ALICE: 0.54}, {ALICE}),
        ({ALICE: 0.56, BOB: 0.30}, {ALICE}),
        ({ALICE: 0.56, BOB: 0.45}, set()),
        ({ALICE: 0.60, BOB: 0.45}, {ALICE}),
        ({ALICE: 0.60, BOB: 0.55}, set()),
        ({ALICE: 0.70, BOB: 0.60}, {ALICE}),
        ({ALICE: 0.56, UNKNOWN: 0.52}, {ALICE}),  # may be the same person
        ({UNKNOWN: 0.54, ALICE: 0.52, BOB: 0.52}, {UNKNOWN}),
        ({ALICE: 0.53}, set()),
    ],
)
def test_a_voice_that_resembles_two_people_must_resemble_one_of_them_more(near: dict[int, float], kept: set[int]) -> None:
    assert without_doubtful(near, {ALICE, BOB}, 0.53).keys() == kept


def test_nobody_is_examined_where_nobody_is_above_the_threshold() -> None:
    far = {speaker: 0.3 + speaker / 1000 for speaker in range(50)}
    assert examined(far, 0.53) == {}
    found = examined(far | {99: 0.6}, 0.53)
    assert list(found) == [99, *range(49, 49 - NEXT_COMPARED, -1)]
