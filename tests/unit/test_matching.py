from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.identity.matching import MAX_SIMILARITY, Match, closest, match, without_shadows


def _rows(*rows: list[float]) -> NDArray[np.float32]:
    return np.array(rows, np.float32)


def _ids(*ids: int) -> NDArray[np.int64]:
    return np.array(ids, np.int64)


def test_the_closest_reference_decides_and_not_the_average() -> None:
    references = _rows([1, 0, 0], [0, 0, 1], [0.6, 0.8, 0])  # speaker 7 has two unlike references; their mean is near neither
    found = match(_rows([0.9, 0.1, 0], [0, 0, 5]), references, _ids(7, 7, 3), 0.5)
    assert [m and m.speaker_id for m in found] == [7, 7]
    assert found[0] is not None
    assert found[0].similarity == pytest.approx(0.9 / np.hypot(0.9, 0.1))
    assert found[1] == Match(7, MAX_SIMILARITY)


def test_a_voice_is_matched_only_above_the_threshold() -> None:
    vectors, references = _rows([3, 4]), _rows([1, 0])
    assert match(vectors, references, _ids(1), 0.59)[0] is not None
    assert match(vectors, references, _ids(1), 0.61) == [None]
    assert match(_rows([1, 0]), references, _ids(1), 1.0) == [None]


def test_lengths_do_not_matter() -> None:
    directions = np.random.default_rng(0).normal(size=(6, 8)).astype(np.float32)
    scales = np.array([1e-30, 1e-3, 1, 7, 1e6, 1e30], np.float32)[:, None]
    exactly_one: Any = pytest.approx(1.0)
    expected = [Match(i, exactly_one) for i in range(6)]
    assert match(directions * scales, directions, _ids(*range(6)), 0.99) == expected


def test_of_two_equally_close_speakers_the_first_known_wins() -> None:
    assert match(_rows([1, 0]), _rows([1, 0], [1, 0]), _ids(9, 2), 0.5) == [Match(2, MAX_SIMILARITY)]


@pytest.mark.parametrize("bad", [0.0, np.nan, np.inf, -np.inf])
def test_a_vector_without_a_direction_matches_nothing_and_harms_nobody(bad: float) -> None:
    nothing = [bad, bad]
    assert match(_rows(nothing, [0, 1]), _rows([1, 0], [0, 1]), _ids(1, 2), -0.5) == [None, Match(2, MAX_SIMILARITY)]
    assert match(_rows([1, 0]), _rows(nothing, [1, 0]), _ids(1, 2), -0.5) == [Match(2, MAX_SIMILARITY)]
    assert match(_rows([1, 0]), _rows(nothing), _ids(1), -0.5) == [None]


def test_without_voices_or_references_there_is_no_match() -> None:
    no_voices, none_known = np.empty((0, 2), np.float32), np.empty((0,), np.int64)
    assert match(no_voices, _rows([1, 0]), _ids(1), 0.5) == []
    assert match(_rows([1, 0]), no_voices, none_known, 0.5) == [None]
    assert match(no_voices, no_voices, none_known, 0.5) == []


def test_vectors_of_two_models_are_not_compared() -> None:
    with pytest.raises(ValueError, match="2 dimensions cannot be compared with references of 3"):
        match(_rows([1, 0]), _rows([1, 0, 0]), _ids(1), 0.5)
    with pytest.raises(ValueError, match="one speaker id for each reference"):
        match(_rows([1, 0]), _rows([1, 0]), _ids(1, 2), 0.5)


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 12), st.floats(-1, 1))
def test_the_matrix_product_agrees_with_one_pair_at_a_time(seed: int, people: int, known: int, threshold: float) -> None:
    rng = np.random.default_rng(seed)
    vectors, references = (rng.normal(size=(count, 4)).astype(np.float32) for count in (people, known))
    ids = rng.integers(0, 4, known)
    for vector, found in zip(vectors, match(vectors, references, ids, threshold), strict=True):
        similarity, speaker = max(
            (float(vector @ other / np.linalg.norm(vector) / np.linalg.norm(other)), int(id_))
            for other, id_ in zip(references, ids, strict=True)
        )
        if abs(similarity - threshold) > 1e-5:
            assert found == (Match(speaker, pytest.approx(similarity, abs=1e-5)) if similarity > threshold else None)  # type: ignore[arg-type]


@pytest.mark.timeout(600)
def test_many_references_are_matched_at_once() -> None:
    rng = np.random.default_rng(1)
    references = rng.normal(size=(50_000, 256)).astype(np.float32)
    found = match(references[[17, 40_001]], references, np.arange(50_000) // 5, 0.9)
    assert [m and m.speaker_id for m in found] == [3, 8000]


ALICE, BOB, SHADOW, OTHER = 1, 2, 5, 6


@pytest.mark.parametrize(
    ("near", "found"),
    [
        ({ALICE: 0.81, SHADOW: 0.86}, ALICE),
        ({ALICE: 0.81, SHADOW: 0.90, OTHER: 0.82}, ALICE),
        ({ALICE: 0.81, SHADOW: 0.92}, SHADOW),  # clearly closer
        ({ALICE: 0.69, SHADOW: 0.70}, SHADOW),  # not surely Alice
        ({ALICE: 0.71, SHADOW: 0.72}, ALICE),
        ({ALICE: 0.72, BOB: 0.74, SHADOW: 0.83}, BOB),
        ({SHADOW: 0.6, OTHER: 0.7}, OTHER),
        ({ALICE: 0.54}, ALICE),
    ],
)
def test_a_named_speaker_goes_before_an_unknown_one_unless_that_is_clearly_closer(near: dict[int, float], found: int) -> None:
    match = closest(without_shadows(near, {ALICE, BOB}, (), 0.53))
    assert match is not None
    assert (match.speaker_id, match.similarity) == (found, near[found])


def test_an_unknown_speaker_that_is_known_to_be_somebody_else_is_no_shadow() -> None:
    near = {ALICE: 0.81, SHADOW: 0.86, OTHER: 0.85}
    assert without_shadows(near, {ALICE}, {frozenset((ALICE, SHADOW))}, 0.53) == {ALICE: 0.81, SHADOW: 0.86}
    assert without_shadows(near, {ALICE}, {frozenset((SHADOW, OTHER))}, 0.53) == {ALICE: 0.81}
