"""Which words of a growing transcription are stable.

Local agreement (Liu et al. 2020, "Low-Latency Sequence-to-Sequence Speech Recognition and Translation by Partial Hypothesis
Selection"; Macháček et al. 2023, "Turning Whisper into Real-Time Transcription System"): a span of speech is transcribed
repeatedly while it grows, and the words with which two consecutive hypotheses begin are stable.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

PARTIAL_INTERVAL_S = 1.0
"""Seconds of new audio between two hypotheses: Whisper takes as long for one second as for thirty."""


@dataclass(frozen=True, slots=True)
class Partial:
    text: str
    """All words so far, the stable ones first."""
    stable: str
    """The beginning of `text`. Later partials of the span begin with it, too."""


class LocalAgreement:
    """The hypotheses of one span."""

    def __init__(self) -> None:
        self._stable: list[str] = []
        self._previous: Sequence[str] = ()

    def update(self, words: Sequence[str]) -> Partial:
        """Add the hypothesis of the longer span: words with their leading spaces."""
        agreed = 0
        for before, now in zip(self._previous, words, strict=False):
            if _normalized(before) != _normalized(now):
                break
            agreed += 1
        self._previous = words
        self._stable += words[len(self._stable) : agreed]
        stable = "".join(self._stable)
        return Partial((stable + "".join(words[len(self._stable) :])).strip(), stable.strip())


def _normalized(word: str) -> str:
    """Case and punctuation change with every word that follows."""
    return re.sub(r"[^\w']", "", word).casefold()
