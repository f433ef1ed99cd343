import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.identity.gallery import ROOM, Reference, ReferenceMatrix
from pipeline.identity.matching import MAX_SIMILARITY, closest, match


def _vectors(count: int, dimension: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, dimension)).astype(np.float32)


@given(st.lists(st.tuples(st.sampled_from("pd"), st.integers(0, 6), st.integers(0, 4)), max_size=40), st.integers(0, 2**32 - 1))
def test_whatever_comes_and_goes_it_answers_like_a_matrix_made_anew(steps: list[tuple[str, int, int]], seed: int) -> None:
    rng = np.random.default_rng(seed)
    matrix, truth = ReferenceMatrix(4), dict[int, tuple[int, np.ndarray]]()
    for what, key, speaker in steps:
        if what == "p":
            vector = rng.normal(size=4).astype(np.float32) * rng.choice([0.0, 1.0, 1e6])
            matrix.put([Reference(key, speaker, vector)])
            truth.pop(key, None)
            if vector.any():
                truth[key] = (speaker, vector)
        else:
            matrix.discard([key])
            truth.pop(key, None)
    assert len(matrix) == len(truth)
    voices = _vectors(3, 4, seed)
    references = np.array([vector for _, vector in truth.values()], np.float32).reshape(-1, 4)
    expected = match(voices, references, np.array([speaker for speaker, _ in truth.values()], np.int64), 0.3)
    found = [closest(near) for near in matrix.neighbours(voices, 0.3)]
    assert [m and m.speaker_id for m in found] == [m and m.speaker_id for m in expected]


def test_it_grows_as_it_must() -> None:
    matrix, vectors = ReferenceMatrix(8), _vectors(3 * ROOM, 8)
    matrix.put([Reference(key, key // 3, vector) for key, vector in enumerate(vectors)])
    found = [closest(near) for near in matrix.neighbours(vectors[[0, 2 * ROOM]], 0.9999)]
    assert [m and m.speaker_id for m in found] == [0, 2 * ROOM // 3]


def test_a_speaker_is_as_close_as_the_closest_reference() -> None:
    matrix = ReferenceMatrix(2)
    matrix.put([Reference(name, 1, np.array(vector, np.float32)) for name, vector in (("far", [0, 1]), ("near", [2, 0]))])
    (near,) = matrix.neighbours(np.array([[1, 0]], np.float32), -1.1)
    assert near == {1: MAX_SIMILARITY}
