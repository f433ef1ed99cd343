"""Whose voice it is: comparing embeddings with those of known speakers."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.types import Vector

THRESHOLDS: dict[str, float] = {
    # benchmarks/accuracy/speaker_threshold.py, each voice against the closest of the references of 40 readers. Read speech
    # (3-10 s; 2 s;
    # 5 s in two rooms): equal error rate 0 %, at 0.49 to 0.56. benchmarks/accuracy/identity.py, 39 enrolled, quiet and
    # noisy: from 0.525
    # to 0.65 98.6 % of lines are right, and 1.4 to 0.7 % of strangers' lines are given a name; at 0.50 4.4 % are. Acted
    # emotions, 3 s: 0.47. A person in two meetings: 0.54 and more, but only two to measure.
    "wespeaker-resnet34": 0.53,
    # The default of the system that this one replaces.
    "pyannote/embedding": 0.30,
}
"""Cosine similarity above which two voices are one, by embedding model."""

CALIBRATIONS: dict[str, tuple[float, float]] = {
    # benchmarks/accuracy/speaker_threshold.py: from 251 own voices and 263 of the closest strangers on a roster of 40.
    "wespeaker-resnet34": (26.4, 0.551),
}
"""Slope and midpoint of the logistic curve from similarity to probability, by embedding model."""

UNKNOWN = re.compile(r"Unknown_[0-9]+")
"""Names that the program gives to voices that nobody has named."""

LONG_ENOUGH = 2.0
"""Seconds of speech from which a line may contradict its participant; shorter ones inherit (`segment_reassignment`)."""
CLOSEST = float(np.nextafter(np.float32(1), np.float32(0)))
"""The highest similarity, that of a voice to itself: 1.0 is the confidence of what a person said."""
REASSIGN_MARGIN = 0.10
"""How much closer, in cosine similarity, a line must be to another speaker than to its own before it is moved, and how far from
its own, below the threshold, before it is nobody's. Of 206 lines in `benchmarks/accuracy/identity.py` that are their
participant's the
lowest is at 0.75; of six that are not, two are at 0.21 and 0.27, two at 0.50, and two over which theirs speaks at 0.74."""


Neighbours = Mapping[int, float]
"""The speakers near a voice, by id, and the similarity of the closest of their references."""


@dataclass(frozen=True, slots=True)
class Match:
    """A known speaker and the cosine similarity, in [-1, 1], of the closest of their references."""

    speaker_id: int
    similarity: float


def is_unknown(name: str) -> bool:
    """Whether the program gave this name, so that nobody has said yet who it is."""
    return UNKNOWN.fullmatch(name) is not None


def threshold_for(model: str, setting: float | None) -> float:
    """The threshold to match at: the one that was set, else the model's own. ValueError where there is neither."""
    if setting is not None:
        return setting
    if model not in THRESHOLDS:
        raise ValueError(
            f"No speaker threshold is known for the embedding model {model!r}: set SPEAKER_THRESHOLD, which "
            "benchmarks/accuracy/speaker_threshold.py can measure."
        )
    return THRESHOLDS[model]


def probability(similarity: float, model: str) -> float | None:
    """How likely two voices of this similarity are one person's, 0 to 1; None for a model that was not calibrated.

    Platt scaling (Platt 1999): a logistic curve through the scores of own voices and of the closest strangers, either of which
    is taken for as likely as the other.
    """
    if model not in CALIBRATIONS:
        return None
    slope, midpoint = CALIBRATIONS[model]
    return 1.0 / (1.0 + math.exp(-slope * (similarity - midpoint)))


def units(vectors: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Rows scaled to length 1, and which of them have a direction: one that is zero or not finite has none and becomes 0."""
    # Dividing by the largest number first keeps the squares of very large and very small ones from leaving float32's range.
    largest = np.abs(vectors).max(axis=1, keepdims=True, initial=0.0)
    known = np.isfinite(largest) & (largest > 0)
    scaled = np.divide(vectors, largest, out=np.zeros(vectors.shape, np.float32), where=known)
    lengths = np.where(known, np.linalg.norm(scaled, axis=1, keepdims=True), 1.0)
    return (scaled / lengths).astype(np.float32), known[:, 0]


def centroid(vectors: Sequence[Vector], weights: Sequence[float]) -> Vector | None:
    """The direction of the weighted mean of unit vectors, L2-normalised; None where they leave none."""
    if not vectors:
        return None
    rows, _ = units(np.stack(vectors))
    mean, known = units((np.asarray(weights, np.float32) @ rows)[None])
    return mean[0] if known[0] else None


def match(
    vectors: NDArray[np.float32], references: NDArray[np.float32], speaker_ids: NDArray[np.int64], threshold: float
) -> list[Match | None]:
    """The known speaker behind each vector, or None where none is closer than `threshold`.

    `vectors` has shape (p, d); `references` (n, d), with the speaker of each row in `speaker_ids` (n,). All come from one
    model; they need not be normalised. A speaker is as close as the closest of their references: a voice sounds different in
    different rooms and moods, and an average is near none of them. Between two that are equally close the smaller id wins. A
    vector or reference that is zero or not finite matches nothing. Raises ValueError where the shapes do not fit.
    """
    if vectors.ndim != 2 or references.ndim != 2 or len(speaker_ids) != len(references):
        raise ValueError(
            f"Expected vectors (p, d), references (n, d) and one speaker id for each reference, got shapes {vectors.shape}, "
            f"{references.shape} and {speaker_ids.shape}."
        )
    if not len(vectors) or not len(references):
        return [None] * len(vectors)
    if vectors.shape[1] != references.shape[1]:
        raise ValueError(
            f"Vectors of {vectors.shape[1]} dimensions cannot be compared with references of {references.shape[1]}: two "
            "embedding models made them."
        )
    rows, known = units(references)
    similarities = similarity_matrix(vectors, rows[known].T)
    return [closest(near) for near in neighbours(similarities, speaker_ids[known], threshold)]


def similarity_matrix(vectors: NDArray[np.float32], columns: NDArray[np.float32]) -> NDArray[np.float32]:
    """Cosine similarities (p, n) of vectors (p, d) with unit vectors (d, n); those of a vector without a direction are NaN.

    At most `CLOSEST`.
    """
    queries, known = units(vectors)
    similarities: NDArray[np.float32] = np.clip(queries @ columns, -1.0, CLOSEST)
    similarities[~known] = np.nan
    return similarities


def similarity(one: Vector, other: Vector) -> float:
    """Cosine similarity of two vectors, at most `CLOSEST`; NaN where `one` has no direction. `other` has length 1."""
    return float(similarity_matrix(one[None], other[:, None])[0, 0])


def neighbours(similarities: NDArray[np.float32], speaker_ids: NDArray[np.int64], floor: float) -> list[dict[int, float]]:
    """For each row of similarities (p, n) to references of `speaker_ids` (n,): whoever is closer than `floor`, and how close.

    A speaker is as close as the closest of their references.
    """
    found: list[dict[int, float]] = []
    for row in similarities:
        near: dict[int, float] = {}
        for at in np.flatnonzero(row > floor):
            speaker, similarity = int(speaker_ids[at]), float(row[at])
            near[speaker] = max(near.get(speaker, -1.0), similarity)
        found.append(near)
    return found


def closest(near: Neighbours) -> Match | None:
    """The closest of a voice's neighbours; between two that are equally close the smaller id wins."""
    return min((Match(*item) for item in near.items()), key=lambda m: (-m.similarity, m.speaker_id), default=None)
