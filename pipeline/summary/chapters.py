"""Chapters without a language model: TextTiling (Hearst, Computational Linguistics 23(1), 1997) on vectors of the lines.

The similarity of the lines before and after each gap is a curve; where it has a deep valley, the subject changes.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

MIN_LINES = 14
"""Of a chapter. Shorter ones were changes of the speaker or of the tone, and not of the subject."""
MAX_CHAPTERS = 20
BLOCK_LINES = 10
"""Lines on each side of a gap that are compared."""
SMOOTHED_GAPS = 3

Vectors = npt.NDArray[np.float32]


def chapters(vectors: Vectors) -> list[int]:
    """The indexes of the lines with which chapters begin, the first among them.

    Args:
        vectors: `[lines, dimensions]`; a row of zeros for a line without a vector.
    """
    lines = len(vectors)
    if lines < 2 * MIN_LINES:
        return [0] if lines else []
    similarity = _smoothed(_similarities(vectors.astype(np.float64)))
    depth = _depths(similarity)
    valley = np.array([_is_valley(similarity, i) for i in range(len(similarity))])
    cutoff = depth[valley].mean() - depth[valley].std() / 2 if valley.any() else np.inf  # Hearst's HC
    candidates = [i for i in np.argsort(-depth, kind="stable") if valley[i] and depth[i] >= cutoff]
    begun = [0]
    least = max(MIN_LINES, lines // MAX_CHAPTERS)
    for gap in candidates:
        first = int(gap) + 1  # gap i is between the lines i and i + 1
        if lines - first >= least and all(abs(first - other) >= least for other in begun):
            begun.append(first)
    return sorted(begun)


def _similarities(vectors: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Cosines of the sums before and after each gap."""
    sums = np.vstack([np.zeros(vectors.shape[1]), np.cumsum(vectors, axis=0)])
    gaps = np.arange(1, len(vectors))
    before = sums[gaps] - sums[np.maximum(gaps - BLOCK_LINES, 0)]
    after = sums[np.minimum(gaps + BLOCK_LINES, len(vectors))] - sums[gaps]
    lengths = np.linalg.norm(before, axis=1) * np.linalg.norm(after, axis=1)
    found: npt.NDArray[np.float64] = (before * after).sum(axis=1) / np.maximum(lengths, 1e-9)
    return found


def _smoothed(curve: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    side = SMOOTHED_GAPS // 2
    padded = np.pad(curve, side, mode="edge")
    return np.convolve(padded, np.ones(SMOOTHED_GAPS) / SMOOTHED_GAPS, mode="valid")


def _depths(curve: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """How far the curve rises from each point to the nearest peaks on both sides, together."""
    return np.array([_rise(curve[i::-1]) + _rise(curve[i:]) for i in range(len(curve))])


def _rise(side: Sequence[float] | npt.NDArray[np.float64]) -> float:
    highest = side[0]
    for value in side[1:]:
        if value < highest:
            break
        highest = value
    return float(highest - side[0])


def _is_valley(curve: npt.NDArray[np.float64], at: int) -> bool:
    left, right = curve[max(at - 1, 0)], curve[min(at + 1, len(curve) - 1)]
    return bool(curve[at] <= left and curve[at] <= right and (curve[at] < left or curve[at] < right))
