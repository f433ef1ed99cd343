"""Voice activity detection: which frames of audio are speech."""

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from pipeline.types import Samples

FRAME_SAMPLES = 512
"""Samples in a frame, 32 ms: the input size of Silero VAD."""


class SpeechDetector(Protocol):
    def __call__(self, frame: Samples) -> float:
        """The probability of speech in a frame, 0 to 1. Called with every frame of a stream, in order."""


@dataclass(frozen=True, slots=True)
class VadThresholds:
    high: float
    """Probability from which speech begins."""
    low: float
    """Probability from which speech continues."""
    min_speech_s: float
    """Spans with fewer seconds of speech are dropped."""
    min_rms: float
    """Spans with a lower root mean square are dropped."""


SILERO = VadThresholds(high=0.5, low=0.35, min_speech_s=0.1, min_rms=0.0)
"""Silero's own two probabilities. On the telephone a word ("Okay.", "Hello?") may have only 0.13 s of detected speech. A
minimum of 0.2 s lost eight words in nine conversations; this one added two spans without words there, and one in 21 recordings
of noise."""
ENERGY = VadThresholds(high=0.5, low=0.5, min_speech_s=0.5, min_rms=0.01)
"""The values of the reference system."""
LOUD_RMS = 0.005
"""Root mean square above which a frame counts as speech in the reference system."""


def energy(frame: Samples) -> float:
    """A `SpeechDetector` that takes every loud frame for speech."""
    return float(rms(frame) > LOUD_RMS)


def rms(samples: Samples) -> float:
    """Root mean square; 0 if there are no samples."""
    return math.sqrt(float(np.dot(samples, samples)) / len(samples)) if len(samples) else 0.0
