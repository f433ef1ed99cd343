"""The language of a live conversation, which is given or detected."""

from collections import Counter

from pipeline.types import SAMPLE_RATE

MIN_SPEECH_S = 5.0
"""Seconds of speech in one detected language after which all further speech is transcribed in it."""


class LanguageTracker:
    def __init__(self, language: str | None) -> None:
        self.current = language
        """The language to transcribe in; None while it is detected for each span of speech."""
        self._samples: Counter[str] = Counter()

    def add(self, language: str, samples: int) -> None:
        """Count `samples` of speech in `language`."""
        self._samples[language] += samples
        if self.current is None and self._samples[language] >= MIN_SPEECH_S * SAMPLE_RATE:
            self.current = language

    @property
    def main(self) -> str | None:
        """The language of most of the speech so far; None before there is any."""
        return max(sorted(self._samples), key=self._samples.__getitem__) if self._samples else None
