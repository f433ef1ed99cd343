"""What is certain of a line that is still being said.

Local agreement (Liu et al. 2020, "Low-Latency Sequence-to-Sequence Speech Recognition and Translation by Partial Hypothesis
Selection"; Macháček et al. 2023, "Turning Whisper into Real-Time Transcription System"): the line is transcribed again and
again as it grows, and the words that two consecutive hypotheses begin with are stable.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

PARTIAL_INTERVAL_S = 1.0
"""Seconds of new audio between two hypotheses: Whisper takes as long for one second as for thirty."""


@dataclass(frozen=True, slots=True)
class Partial:
    text: str
    """All that was heard so far, what is stable first."""
    stable: str
    """Its beginning, which only grows from now on."""


class LocalAgreement:
    """The hypotheses of one line."""

    def __init__(self) -> None:
        self._stable: list[str] = []
        self._last: Sequence[str] = ()

    def update(self, words: Sequence[str]) -> Partial:
        """The next hypothesis, of more audio than the last: words with their leading spaces."""
        agreed = 0
        for before, now in zip(self._last, words, strict=False):
            if _plain(before) != _plain(now):
                break
            agreed += 1
        self._last = words
        self._stable += words[len(self._stable) : agreed]
        stable = "".join(self._stable)
        return Partial((stable + "".join(words[len(self._stable) :])).strip(), stable.strip())


def _plain(word: str) -> str:
    """Case and punctuation change with every word that follows."""
    return re.sub(r"[^\w']", "", word).casefold()
