"""The language of a live conversation, which is given or detected."""

from collections import Counter
from dataclasses import replace

from pipeline.decoding import Decoding
from pipeline.types import SAMPLE_RATE

MIN_SPEECH_S = 5.0
"""Seconds of speech in one detected language after which it is expected of all further speech."""


class LanguageTracker:
    def __init__(self, language: str | None) -> None:
        self.given = language
        """The language to transcribe in; None where it is detected for each span of speech."""
        self.expected = language
        """The probable language; None before there is enough speech."""
        self._samples: Counter[str] = Counter()

    def add(self, language: str, samples: int) -> None:
        """Count `samples` of speech in `language`."""
        self._samples[language] += samples
        if self.expected is None and self._samples[language] >= MIN_SPEECH_S * SAMPLE_RATE:
            self.expected = language

    @property
    def main(self) -> str | None:
        """The language of most of the speech so far; None before there is any."""
        return max(sorted(self._samples), key=self._samples.__getitem__) if self._samples else None

    def expecting(self, decoding: Decoding) -> Decoding:
        """The same with the language that is probable, where none is given."""
        return decoding if self.given else replace(decoding, expected_language=self.expected)
