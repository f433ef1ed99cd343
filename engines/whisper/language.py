"""The languages of a window, from the encoder's output that transcription computes as well.

Whisper detects the language of up to 30 s. On a slice of the encoder's output it takes 20 ms and sees the languages of a window
in which they change.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import numpy as np
from faster_whisper import WhisperModel
from numpy.typing import NDArray

from engines.vad import find_speech
from engines.whisper.decoding import FRAMES_PER_SECOND, as_encoded
from pipeline.types import Samples, Span, cut

PRIOR_ODDS = 8.0
"""How much more probable than the expected language another one must be. German after English is 40 times as probable; an
unclear "Yeah." is Welsh by a factor of 2."""

SLICE_S = 8.0
"""The language of a shorter slice is uncertain."""

MIN_SPAN_S = 1.5
"""A shorter span of speech is taken together with the next one."""

MIN_RUN_S = 2.5
"""Shorter speech in another language stays in the window that it is in: it may be a name."""

Probabilities = dict[str, float]
Encoded = NDArray[np.floating[Any]]


def choose(probabilities: Probabilities, expected: str | None) -> str:
    """The most probable language, given the one that is expected."""
    return max(probabilities, key=lambda code: probabilities[code] * (PRIOR_ODDS if code == expected else 1.0))


class LanguageDetector:
    def __init__(self, model: WhisperModel) -> None:
        self._model = model

    def detect(self, encoded: Encoded) -> list[Probabilities]:
        """The probabilities of all languages in each of `encoded`, shape (windows, frames, dimension)."""
        if not self._model.model.is_multilingual:
            return [{"en": 1.0}] * len(encoded)
        results = self._model.model.detect_language(as_encoded(encoded))
        return [{str(token)[2:-2]: float(probability) for token, probability in found} for found in results]

    def spans(self, audio: Samples, span: Span, encoded: Encoded, expected: str | None) -> list[tuple[Span, str]]:
        """Parts of the window `span` in one language each, and their languages.

        Args:
            audio: The whole recording.
            encoded: The encoder's output of the window, shape (frames, dimension).
            expected: The language of the recording, where that is known.
        """
        slices = self._slices(encoded, span.duration)
        if expected is not None and slices and {choose(found, expected) for found in slices} == {expected}:
            return [(span, expected)]
        language = choose(self.detect(encoded[None])[0], expected)
        spoken = {language, *(choose(found, language) for found in slices)}
        if len(spoken) == 1:
            return [(span, language)]
        speech = _joined(find_speech(cut(audio, span)))
        probabilities = [self.detect(encoded[None, _frames(part)])[0] for part in speech]
        heard = [max(sorted(spoken), key=lambda code, found=found: found.get(code, 0.0)) for found in probabilities]  # type: ignore[misc]
        runs = _runs(speech, heard)
        if len(runs) < 2:
            return [(span, runs[0][1] if runs else language)]
        starts = [0.0, *(run.start for run, _ in runs[1:])]
        ends = [*(run.end for run, _ in runs[:-1]), span.duration]
        return [
            (Span(span.start + start, span.start + end), code) for start, end, (_, code) in zip(starts, ends, runs, strict=True)
        ]

    def _slices(self, encoded: Encoded, seconds: float) -> list[Probabilities]:
        """The languages of equal slices of about `SLICE_S`; none of a window that has only one."""
        count = round(seconds / SLICE_S)
        if count < 2:
            return []
        frames = int(seconds * FRAMES_PER_SECOND) // count
        return self.detect(np.stack([encoded[i * frames : (i + 1) * frames] for i in range(count)]))


def _frames(span: Span) -> slice:
    return slice(int(span.start * FRAMES_PER_SECOND), max(int(span.end * FRAMES_PER_SECOND), 1))


def _joined(speech: Sequence[Span]) -> list[Span]:
    """The spans, with each that is shorter than `MIN_SPAN_S` joined to the next one, or else to the last."""
    joined: list[Span] = []
    start: float | None = None
    for span in speech:
        start = span.start if start is None else start
        if span.end - start >= MIN_SPAN_S:
            joined.append(Span(start, span.end))
            start = None
    if start is not None:
        joined[-1:] = [Span(joined[-1].start if joined else start, speech[-1].end)]
    return joined


def _runs(speech: Sequence[Span], languages: Sequence[str]) -> list[tuple[Span, str]]:
    """Consecutive speech in one language. A run shorter than `MIN_RUN_S` gets the language of the one before, or else after."""
    codes = list(languages)
    groups = [(code, [i for i, _ in group]) for code, group in groupby(enumerate(codes), key=lambda pair: pair[1])]
    for at, (_, members) in enumerate(groups):
        if sum(speech[i].duration for i in members) < MIN_RUN_S and len(groups) > 1:
            code = codes[members[0] - 1] if at else groups[1][0]
            for i in members:
                codes[i] = code
    return [
        (Span(speech[members[0]].start, speech[members[-1]].end), code)
        for code, group in groupby(range(len(codes)), key=codes.__getitem__)
        if (members := list(group))
    ]
