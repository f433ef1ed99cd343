"""Similarities of voices that spoke little.

A vector of little speech is partly chance, so that its similarities are all closer to 0: to its own speaker's as well as to
strangers'. Spearman's correction for attenuation divides a similarity by the square root of the reliabilities of both sides.
After it one threshold holds for every length; it comes to the same as a threshold that is lower where either side is short.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

CHANCE_S: dict[str, float] = {
    # benchmarks/accuracy/galleries.py: similarities of strangers of 2, 4 and 6 s that one of a hundred exceeds.
    "wespeaker-resnet34": 0.40,
}
"""By embedding model: seconds of speech of which a vector is half the speaker's, half chance."""
ENOUGH_S = 6.0
"""Seconds of speech from which nothing is corrected: thresholds are for voices of so much."""
SHORTEST_S = 1.5
"""Seconds of speech that shorter speech counts as: less is not enrolled (`pipeline.identity.enrollment`)."""


def attenuation(seconds: Sequence[float | None], model: str) -> NDArray[np.float32]:
    """What similarities of vectors of so many seconds of speech are divided by, for one of the two sides, at most 1.

    It is 1 where the length is None, not known, and for models that were not measured.
    """
    if model not in CHANCE_S:
        return np.ones(len(seconds), np.float32)
    speech = np.array([ENOUGH_S if length is None else length for length in seconds], np.float32).clip(SHORTEST_S, ENOUGH_S)
    chance = CHANCE_S[model]
    reliability = speech / (speech + chance)  # the share of a vector's variance that is the speaker's
    return np.asarray(np.sqrt(reliability * (ENOUGH_S + chance) / ENOUGH_S), np.float32)
