"""Whose voice it is: comparing embeddings with those of known speakers."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

THRESHOLDS: dict[str, float] = {
    # benchmarks/speaker_threshold.py, each voice against the closest of the references of 40 readers. Read speech (3-10 s; 2 s;
    # 5 s in two rooms): equal error rate 0 %, at 0.49 to 0.56; at 0.50 no own voice is missed, and 0 to 6 % of strangers are
    # taken for somebody. Acted emotions, 3 s: 3.8 %, at 0.47. A person in two meetings: 0.54 and more, but only two to measure.
    "wespeaker-resnet34": 0.50,
    # The default of the system that this one replaces.
    "pyannote/embedding": 0.30,
}
"""Cosine similarity above which two voices are one, by embedding model."""


@dataclass(frozen=True, slots=True)
class Match:
    """A known speaker and the cosine similarity, in [-1, 1], of the closest of their references."""

    speaker_id: int
    similarity: float


def threshold_for(model: str, setting: float | None) -> float:
    """The threshold to match at: the one that was set, else the model's own. ValueError where there is neither."""
    if setting is not None:
        return setting
    if model not in THRESHOLDS:
        raise ValueError(
            f"No speaker threshold is known for the embedding model {model!r}: set SPEAKER_THRESHOLD, which "
            "benchmarks/speaker_threshold.py can measure."
        )
    return THRESHOLDS[model]


def _unit(vectors: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Rows scaled to length 1, and which of them have a direction: one that is zero or not finite has none and becomes 0."""
    # Dividing by the largest number first keeps the squares of very large and very small ones from leaving float32's range.
    largest = np.abs(vectors).max(axis=1, keepdims=True, initial=0.0)
    known = np.isfinite(largest) & (largest > 0)
    scaled = np.divide(vectors, largest, out=np.zeros(vectors.shape, np.float32), where=known)
    lengths = np.where(known, np.linalg.norm(scaled, axis=1, keepdims=True), 1.0)
    return (scaled / lengths).astype(np.float32), known[:, 0]


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
    order = np.argsort(speaker_ids, kind="stable")
    ids, first = np.unique(speaker_ids[order], return_index=True)
    units, known = _unit(references[order])
    queries, askable = _unit(vectors)
    similarities = np.clip(queries @ units.T, -1.0, 1.0)
    similarities[:, ~known] = -np.inf
    similarities[~askable] = -np.inf
    best_of_speaker = np.maximum.reduceat(similarities, first, axis=1)
    winners = best_of_speaker.argmax(axis=1)
    best = best_of_speaker[np.arange(len(vectors)), winners]
    return [
        Match(int(ids[winner]), float(similarity)) if similarity > threshold else None
        for winner, similarity in zip(winners, best, strict=True)
    ]
