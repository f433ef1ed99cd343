"""Shared by both emotion engines: which clips can be classified, and the form of the result."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.types import SAMPLE_RATE, Emotion, Samples, Vector

MAX_SAMPLES = 30 * SAMPLE_RATE
"""Of a longer clip only the first 30 s are used."""

MIN_SAMPLES = 400
"""25 ms, the receptive field of both front ends (emotion2vec's convolutions, Whisper's Fourier window)."""


def audible(clip: Samples) -> Samples | None:
    """The part of `clip`, shape (n,), that an engine uses; None where the clip cannot be classified.

    That is a clip under 25 ms, one with all samples below the lowest step of 16-bit audio, or one with NaN or infinity.
    """
    clip = np.ascontiguousarray(clip[:MAX_SAMPLES], dtype=np.float32)
    if len(clip) < MIN_SAMPLES:
        return None
    peak = float(np.abs(clip).max())
    # Also false for NaN and infinity. The upper bound keeps the sum of the squares within float32.
    return clip if 2.0**-15 < peak < 2.0**15 else None


def judged(labels: Sequence[str], scores: NDArray[np.float32], vector: Vector, model: str) -> Emotion:
    """The emotion with the highest of `scores`, which are probabilities, shape (labels,)."""
    best = int(scores.argmax())
    return Emotion(
        label=labels[best],
        confidence=float(scores[best]),
        scores={label: float(score) for label, score in zip(labels, scores, strict=True)},
        vector=vector,
        model=model,
    )


def unjudged(dimension: int, model: str) -> Emotion:
    """The result for a clip that is not `audible`: label `unknown`, confidence 0, no scores, and a vector of zeros."""
    return Emotion("unknown", 0.0, {}, np.zeros(dimension, np.float32), model)
