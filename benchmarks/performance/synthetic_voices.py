"""Speaker embeddings drawn at random, as similar to each other as real ones."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.identity.matching import units

DIMENSION = 256

Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Spread:
    """How vectors are distributed: the variance of each dimension falls exponentially."""

    between: float
    """Dimensions in which the variance among speakers falls by e."""
    within: float
    """The same of the recordings of one speaker."""
    mean: float
    """Length of the mean of all unit vectors."""


SPREADS = {
    # wespeaker-resnet34 on 590 recordings of 75 people (LibriSpeech, AMI, RAVDESS, EmoDB). Strangers have a similarity of 0.10
    # +- 0.115, which is an effective dimension of 60; recordings of one person 0.6 (acted emotions, 2 s) to 0.8 (read speech).
    "voices": Spread(30, 44, 0.32),
    # Strangers are independent in all dimensions, as in `benchmarks.performance.scale`.
    "isotropic": Spread(1e9, 1e9, 0.0),
}


class Voices:
    """Draws vectors of a spread."""

    def __init__(self, spread: Spread, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        dimensions = np.arange(DIMENSION)
        variances = [np.exp(-dimensions / fall) for fall in (spread.between, spread.within)]
        self._between, self._within = (np.sqrt(of / of.sum()).astype(np.float32) for of in variances)
        self._mean = np.zeros(DIMENSION, np.float32)
        self._mean[-1] = spread.mean
        self._share = np.float32(np.sqrt(1 - spread.mean**2))

    def speakers(self, count: int) -> Vectors:
        drawn = self._rng.standard_normal((count, DIMENSION), np.float32) * self._between
        return np.asarray(self._mean + self._share * drawn, np.float32)

    def recordings(self, speakers: Vectors, low: float, high: float) -> Vectors:
        """One of each of speakers, unit vectors; two of the same speaker have a similarity between `low` and `high`, about."""
        weight = self._rng.uniform(low, high, (len(speakers), 1)).astype(np.float32)
        noise = self._rng.standard_normal(speakers.shape, np.float32) * self._within
        return units(np.sqrt(weight) * speakers + np.sqrt(1 - weight) * noise)[0]

    def pick(self, speakers: Vectors, count: int) -> Vectors:
        return np.asarray(speakers[self._rng.integers(0, len(speakers), count)], np.float32)
