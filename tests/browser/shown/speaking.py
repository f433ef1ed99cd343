"""Stages that return a fixed conversation for any live audio."""

from collections.abc import Sequence

from pipeline.decoding import PLAIN, Decoding
from pipeline.types import Emotion, Samples, Span, Utterance, Voiceprint, Word
from tests.browser.shown.archive import EMOTION_MODEL, MODEL, WORD_S, voice_of
from tests.browser.shown.talks import Said, read
from tests.storage.transcripts import voice
from tests.support.fixed_stages import FixedStages

LIVE = """
Ana Lima [happy 0.8]: Hello, how was the ride?
Unknown: Long, but it was warm.
Ana Lima: So, about the deadline.
Ben Stone [surprised 0.7]: Did it move again?
Ana Lima: Yes, so I think we could move the review to the week after, and tell everybody today.
"""


SPOKEN_S = ((7.0, 9.4), (9.4, 11.8), (11.8, 14.2), (14.2, 16.6), (16.6, 29.0))
"""Parts of the sample for the microphone: a line each, long enough to know a voice by, and the last one does not end soon."""


class Conversing(FixedStages):
    """Returns the next line of the talk in each span of speech, and the beginning of it in speech that has not ended."""

    def __init__(self) -> None:
        self._lines = read(LIVE)
        self._next = 0

    async def transcribe(
        self, audio: Samples, window: Span, language: str | None, decoding: Decoding = PLAIN
    ) -> Sequence[Utterance]:
        words = self._line.words
        each = WORD_S if self._is_last else window.duration / len(words)
        words = words[: max(1, round(window.duration / each))]
        return [Utterance(tuple(Word(f" {text}", i * each, (i + 0.9) * each, 0.9) for i, text in enumerate(words)), -0.2, "en")]

    async def embed_each(self, audio: Samples, spans: Sequence[Span]) -> Sequence[Voiceprint | None]:
        return [Voiceprint(voice_of(self._line.who), MODEL) for _ in spans]

    async def recognize(self, audio: Samples, spans: Sequence[Span]) -> Sequence[Emotion]:
        """It is called once, and last, for each span."""
        line = self._line
        if not self._is_last:
            self._next += 1
        scores = {line.emotion: line.sure, "other": 1 - line.sure}
        return [Emotion(line.emotion, line.sure, scores, voice(5, 64), EMOTION_MODEL) for _ in spans]

    @property
    def _line(self) -> Said:
        return self._lines[self._next]

    @property
    def _is_last(self) -> bool:
        return self._next == len(self._lines) - 1
