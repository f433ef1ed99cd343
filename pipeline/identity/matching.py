"""Comparing speaker embeddings: cosine similarity, and the closest known speaker."""

import math
import re
from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.types import Vector

CALIBRATIONS: dict[str, tuple[float, float]] = {
    # benchmarks/accuracy/speaker_threshold.py: 251 scores of the same speaker, 263 of the closest other one, 40 enrolled.
    "wespeaker-resnet34": (26.4, 0.551),
}
"""Slope and midpoint of the logistic curve from similarity to probability, by embedding model."""

UNKNOWN_NAME = re.compile(r"Unknown_[0-9]+")
"""Names that the program gives to speakers without a given name."""

MIN_COMPARED_S = 2.0
"""Seconds of speech from which a voice is compared with known speakers on its own; shorter segments inherit their
participant's speaker (`segment_reassignment`, `live_segments`)."""
MAX_SIMILARITY = float(np.nextafter(np.float32(1), np.float32(0)))
"""The similarity of a voice to itself: below 1.0, which is the confidence of a speaker that a person identified."""
REASSIGN_MARGIN = 0.10
"""Cosine similarity. A segment moves to another speaker that is closer by this much than its own. It leaves its participant for
a new one where its own is below the threshold by this much. Of 206 segments in `benchmarks/accuracy/identity.py` that belong to
their participant the lowest is at 0.75; of six that do not, two are at 0.21 and 0.27, two at 0.50, and two, in which the
participant speaks, too, at 0.74."""


SURE_MARGIN = 0.17
"""Cosine similarity by which a voice must exceed the threshold for a named speaker to go before a closer unknown one.
Recordings of RAVDESS in 100 orders, as in benchmarks/accuracy/shadows.py: of 4,800 recordings of strangers as many get a name
as without the rule, and 3 to 10 of 4,800 of known people more get their right one. With 0.15 4 to 6 more strangers get a name;
with 0 132 do, for 175 right names more."""
NAMED_MARGIN = REASSIGN_MARGIN
"""Cosine similarity by which an unknown speaker that is clearly closer than a named one exceeds it. Of 501 voices
that were closer to an unknown speaker by less, 70 % were the named one's; of 338 by more, 37 %."""

NEXT_SIMILARITY = 0.3
"""Cosine similarity from which a second named speaker makes the first one doubtful. Strangers' median closest of 44 has it."""
NEXT_SHARE = 0.3
"""Share of what the second exceeds it by that the first must exceed the threshold by. benchmarks/accuracy/galleries.py: of the
strangers who would be named without this rule, two fifths are not, and one of a hundred known voices is not either."""
NEXT_COMPARED = 10
"""Speakers below the threshold, the closest ones, that are examined for it."""

Neighbours = Mapping[int, float]
"""The speakers near a voice, by id, and the similarity of the closest of their references."""


@dataclass(frozen=True, slots=True)
class Match:
    """A known speaker and the cosine similarity, in [-1, 1], of the closest of their references."""

    speaker_id: int
    similarity: float


def is_unknown(name: str) -> bool:
    """Whether the program gave this name, so that no person has identified the speaker yet."""
    return UNKNOWN_NAME.fullmatch(name) is not None


def probability(similarity: float, model: str) -> float | None:
    """The probability that two voices of this similarity are one person's; None for a model that is not calibrated.

    Platt scaling (Platt 1999): a logistic curve through the scores of the same speaker and of the closest other speaker, with
    equal priors.
    """
    if model not in CALIBRATIONS:
        return None
    slope, midpoint = CALIBRATIONS[model]
    return 1.0 / (1.0 + math.exp(-slope * (similarity - midpoint)))


def units(vectors: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Rows scaled to length 1, and which of them have a direction: a row that is zero or not finite has none and becomes 0."""
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
    """The known speaker of each vector, or None where none is closer than `threshold`.

    `vectors` has shape (p, d); `references` (n, d), with the speaker of each row in `speaker_ids` (n,). All come from one
    model; they need not be normalised. A speaker is as close as the closest of their references: a voice differs between rooms
    and emotions, and an average is near none of its references. Between two equally close speakers the smaller id wins. A
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

    At most `MAX_SIMILARITY`.
    """
    return similarities_of(*units(vectors), columns)


def similarities_of(rows: NDArray[np.float32], known: NDArray[np.bool_], columns: NDArray[np.float32]) -> NDArray[np.float32]:
    """As `similarity_matrix`, of rows that are unit vectors, or longer ones (`attenuation`), where they are known."""
    similarities: NDArray[np.float32] = np.clip(rows @ columns, -1.0, MAX_SIMILARITY)
    similarities[~known] = np.nan
    return similarities


def similarity(one: Vector, other: Vector) -> float:
    """Cosine similarity of two vectors, at most `MAX_SIMILARITY`; NaN where `one` has no direction. `other` has length 1."""
    return float(similarity_matrix(one[None], other[:, None])[0, 0])


def neighbours(similarities: NDArray[np.float32], speaker_ids: NDArray[np.int64], floor: float) -> list[dict[int, float]]:
    """For each row of similarities (p, n) to references of `speaker_ids` (n,) the speakers closer than `floor`.

    A speaker is as close as the closest of their references.
    """
    found: list[dict[int, float]] = []
    for row in similarities:
        at = np.flatnonzero(row > floor)
        at = at[np.argsort(row[at])]  # of several entries of a speaker, the last one stays: the closest
        found.append(dict(zip(speaker_ids[at].tolist(), row[at].tolist(), strict=True)))
    return found


def without_shadows(near: Neighbours, named: Set[int], apart: Collection[frozenset[int]], threshold: float) -> Neighbours:
    """`near` without the unknown speakers that are shadows of a named one.

    After a poor recording of a named person, which is below the threshold, there is an unknown speaker with the person's voice.
    The next recording resembles both, and may be closer to the poor one. Where the voice surely is the person's, unknown
    speakers that are not clearly closer are left out, unless they are known to be other people (`apart`, pairs of speakers).
    """
    person = closest({speaker: similarity for speaker, similarity in near.items() if speaker in named})
    if person is None or person.similarity <= threshold + SURE_MARGIN:
        return near
    clear = person.similarity + NAMED_MARGIN
    return {
        speaker: similarity
        for speaker, similarity in near.items()
        if speaker in named or similarity > clear or frozenset((speaker, person.speaker_id)) in apart
    }


def examined(near: Neighbours, threshold: float) -> Neighbours:
    """Those of a voice's neighbours above the threshold, and the closest `NEXT_COMPARED` others; none without the former."""
    ordered = sorted(near.items(), key=lambda item: (-item[1], item[0]))
    above = sum(similarity > threshold for _, similarity in ordered)
    return dict(ordered[: above + NEXT_COMPARED]) if above else {}


def without_doubtful(near: Neighbours, named: Set[int], threshold: float) -> Neighbours:
    """The neighbours above the threshold, without named speakers that are not clearly closer than another named one.

    A voice that resembles two people is often a stranger's who resembles both.
    """
    found = {}
    for speaker, similarity in near.items():
        needed = threshold
        if speaker in named:
            second = max((close for other, close in near.items() if other in named and other != speaker), default=-1.0)
            needed += NEXT_SHARE * max(0.0, second - NEXT_SIMILARITY)
        if similarity > needed:
            found[speaker] = similarity
    return found


def closest(near: Neighbours) -> Match | None:
    """The closest of a voice's neighbours; between two equally close ones the smaller id wins."""
    return min((Match(*item) for item in near.items()), key=lambda m: (-m.similarity, m.speaker_id), default=None)
