"""The parts of a transcriber that hardly any test is about."""

from collections.abc import Sequence

from pipeline.decoding import PLAIN, Decoding
from pipeline.hotwords import hotwords_of
from pipeline.types import Span


class ScriptedTranscriber:
    """Has room for all hot words, and detects English."""

    async def hotwords_read(self, decoding: Decoding) -> Sequence[str]:
        return hotwords_of(decoding.hotwords)

    async def detect_language(self, audio: object, window: Span, decoding: Decoding = PLAIN) -> str:
        return "en"
