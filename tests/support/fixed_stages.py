"""Stages that answer at once with fixed results, for tests of the code around them."""

import io
from collections.abc import Awaitable, Callable, Sequence

import numpy as np
import soundfile

from pipeline.decoding import PLAIN, Decoding
from pipeline.types import Diarization, Emotion, Observation, Samples, Span, SpeakerHint, Turn, Utterance, Voiceprint, Word
from tests.storage.transcripts import MODEL, voice
from tests.support.transcriber import ScriptedTranscriber

SECONDS = 6.0


class FixedStages(ScriptedTranscriber):
    """Stages that find one voice and one sentence in every recording."""

    async def find_speech(self, audio: Samples) -> Sequence[Span]:
        return [Span(0, SECONDS)]

    async def transcribe(
        self, audio: Samples, window: Span, language: str | None, decoding: Decoding = PLAIN
    ) -> Sequence[Utterance]:
        words = [Word(f" {text}", i, i + 0.9, 0.9) for i, text in enumerate(["The", "parrot", "is", "dead."])]
        return [Utterance(tuple(words), -0.2, language or "en")]

    async def observe(self, audio: Samples, shard: Span, progress: Callable[[float], Awaitable[None]]) -> Observation:
        return Observation(np.zeros((1, 1, 1), np.uint8), np.zeros((1, 1, 1), np.float32))

    async def cluster(self, observations: Sequence[Observation], hint: SpeakerHint) -> Diarization:
        turns = (Turn(0, SECONDS, "SPEAKER_00"),)
        return Diarization(turns, turns)

    async def embed(self, audio: Samples, spans: Sequence[Span], known: Voiceprint | None = None) -> Voiceprint:
        return Voiceprint(voice(1), MODEL)

    async def embed_each(self, audio: Samples, spans: Sequence[Span]) -> Sequence[Voiceprint | None]:
        return [Voiceprint(voice(1), MODEL) for _ in spans]

    async def recognize(self, audio: Samples, spans: Sequence[Span]) -> Sequence[Emotion]:
        return [Emotion("sad", 0.8, {"sad": 0.8, "neutral": 0.2}, voice(5, 64), "test-emotion") for _ in spans]


class RecordingStages(FixedStages):
    """Records how windows are decoded."""

    def __init__(self) -> None:
        self.decodings: list[Decoding] = []

    async def transcribe(
        self, audio: Samples, window: Span, language: str | None, decoding: Decoding = PLAIN
    ) -> Sequence[Utterance]:
        self.decodings.append(decoding)
        return await super().transcribe(audio, window, language, decoding)


def sound(seconds: float = SECONDS) -> bytes:
    """A WAV file that is not silent."""
    file = io.BytesIO()
    noise = np.random.default_rng(1).normal(scale=0.1, size=int(16_000 * seconds)).astype(np.float32)
    soundfile.write(file, noise, 16_000, format="WAV")
    return file.getvalue()
