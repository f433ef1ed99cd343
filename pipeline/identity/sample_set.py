"""How surely a person is recognised by the samples that were enrolled."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pipeline.identity.attenuation import attenuation
from pipeline.identity.matching import similarities_of, units
from pipeline.types import Vector

ENOUGH_SAMPLES = 3
"""benchmarks/accuracy/galleries.py: with three utterances all segments of 2 s get their name among 44 voices, with one 98 %."""
ENOUGH_SPEECH_S = 6.0
"""Seconds of speech in a single sample from which 2 s are always recognised there; with 1.7 to 3.1 s 84 % are."""

Certainty = Literal["low", "fair", "good"]


@dataclass(frozen=True, slots=True)
class SampleSet:
    """The enrolled samples of a person."""

    count: int
    seconds: float | None
    """Of clear speech in all of them; None where it is unknown of some."""
    agreement: float | None
    """The lowest of the similarities of each sample to the one that is closest to it; None for a single sample."""
    threshold: float

    @property
    def certainty(self) -> Certainty:
        if self._disagrees or (self.seconds is not None and self.seconds < ENOUGH_SPEECH_S):
            return "low"
        return "good" if self.count >= ENOUGH_SAMPLES else "fair"

    @property
    def advice(self) -> str | None:
        """What makes it surer, in a sentence; None where nothing is missing."""
        if self._disagrees:
            return "One of the samples sounds unlike the others: check that all are of the same person, and add a clear one."
        if (missing := ENOUGH_SAMPLES - self.count) > 0:
            more = "one more sample" if missing == 1 else f"{missing} more samples"
            return f"Add {more}: with three even short segments are recognised."
        if self.certainty == "low":
            return "The samples are very short: add one of 10 s or more."
        return None

    @property
    def _disagrees(self) -> bool:
        return self.agreement is not None and self.agreement <= self.threshold


def sample_set(samples: Sequence[tuple[Vector, float | None]], model: str, threshold: float) -> SampleSet:
    """Of samples that `model` embedded, each with its seconds of clear speech where they are known."""
    seconds = [length for _, length in samples]
    known = [length for length in seconds if length is not None]
    agreement = None
    if len(samples) > 1:
        rows, usable = units(np.stack([vector for vector, _ in samples]))
        rows /= attenuation(seconds, model)[:, None]
        similarities = similarities_of(rows, usable, rows.T)
        np.fill_diagonal(similarities, -1.0)
        agreement = float(np.nan_to_num(similarities, nan=-1.0).max(axis=1).min())
    return SampleSet(len(samples), sum(known) if len(known) == len(seconds) else None, agreement, threshold)
