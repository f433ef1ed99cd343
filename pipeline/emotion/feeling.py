"""What the scores of the general emotion detector say of a segment: a label, and its activation and valence.

Where the detector is calibrated, its scores are compared with what it usually finds for the speaker first, and are `neutral`
unless another emotion is likely even so.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from pipeline.emotion.rules import NEUTRAL, UNKNOWN

AXES: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "angry": (0.59, -0.51),
        "disgusted": (0.35, -0.60),
        "fearful": (0.60, -0.64),
        "happy": (0.51, 0.81),
        "sad": (-0.27, -0.63),
        "surprised": (0.67, 0.40),
    }
)
"""Activation and valence of each emotion, -1 to 1: the ratings of Russell and Mehrabian (1977), Evidence for a three-factor
theory of emotions, Journal of Research in Personality 11. The other labels have 0 and 0."""

SMALLEST = 1e-6
"""Lower scores count as this: their logarithms would outweigh all others."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """How the scores of a detector are read."""

    usual: Mapping[str, float]
    """The mean logarithm of each label's score over the training speakers, the baseline of an unknown one."""
    unknown_segments: float
    """A speaker's own mean counts by its number of segments, `usual` by this number."""
    neutral_odds: float
    """How many times as often as each of the other emotions speech is neutral."""


CALIBRATIONS: Mapping[str, Calibration] = MappingProxyType(
    {
        # Printed by benchmarks/accuracy/train_emotion_head.py.
        "whisper-encoder-emotion-2": Calibration(
            usual={"angry": -4.213, "happy": -3.865, "neutral": -0.048, "sad": -4.462}, unknown_segments=3.0, neutral_odds=2.0
        ),
    }
)
"""By the detector's name. Another detector's scores are taken as they are."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """What a detector usually finds for a speaker: the mean logarithm of each label's score over `segments` segments."""

    segments: int
    means: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Feeling:
    """What is felt in a segment."""

    label: str
    confidence: float
    """The probability of `label`."""
    activation: float | None = None
    """-1 (calm) to 1 (excited)."""
    valence: float | None = None
    """-1 (unpleasant) to 1 (pleasant)."""


def feeling(scores: Mapping[str, float], model: str | None = None, usual: Baseline | None = None) -> Feeling:
    """The feeling that scores of `model` stand for; `usual` is the speaker's baseline, None where nothing is known."""
    return read_scores(scores, CALIBRATIONS.get(model or ""), usual)


def read_scores(scores: Mapping[str, float], calibration: Calibration | None, usual: Baseline | None) -> Feeling:
    """The most probable label, of equally probable ones the first in alphabetical order; `unknown` with 0 without scores.

    Activation and valence are the means of the emotions' by probability.
    """
    if not scores:
        return Feeling(UNKNOWN, 0.0)
    probabilities = {label: fraction(score) for label, score in scores.items()}
    if calibration is not None:
        probabilities = _relative(probabilities, calibration, usual)
    label = max(sorted(probabilities), key=probabilities.__getitem__)
    total = sum(probabilities.values()) or 1.0
    activation, valence = (
        sum(probability * AXES.get(name, (0.0, 0.0))[axis] for name, probability in probabilities.items()) / total
        for axis in (0, 1)
    )
    return Feeling(UNKNOWN if label == "<unk>" else label, probabilities[label], activation, valence)


def baseline(segments: Iterable[Mapping[str, float]]) -> Baseline:
    """What is usual for the speaker of all these segments, given the scores of each."""
    logs: dict[str, list[float]] = defaultdict(list)
    number = 0
    for scores in segments:
        number += bool(scores)
        for label, score in scores.items():
            logs[label].append(log_score(score))
    return Baseline(number, {label: float(np.mean(values)) for label, values in logs.items()})


def log_score(score: float) -> float:
    """The logarithm that baselines are means of."""
    return float(np.log(max(score, SMALLEST)))


def fraction(value: float) -> float:
    """Clipped to [0, 1]; 0 if not finite."""
    return min(max(float(value), 0.0), 1.0) if np.isfinite(value) else 0.0


def _relative(scores: Mapping[str, float], calibration: Calibration, usual: Baseline | None) -> dict[str, float]:
    """Probabilities of the labels, given what is usual for the speaker, and that most speech is neutral."""
    weight = usual.segments / (usual.segments + calibration.unknown_segments) if usual else 0.0
    logits = {}
    for label, score in scores.items():
        everybody = calibration.usual.get(label, 0.0)
        own = usual.means.get(label, everybody) if usual else everybody
        odds = float(np.log(calibration.neutral_odds)) if label == NEUTRAL else 0.0
        logits[label] = log_score(score) - weight * (own - everybody) + odds
    highest = max(logits.values())
    powers = {label: float(np.exp(logit - highest)) for label, logit in logits.items()}
    total = sum(powers.values())
    return {label: power / total for label, power in powers.items()}
