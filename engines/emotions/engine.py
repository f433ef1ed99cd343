"""Choose the emotion engine for the weights."""

from collections.abc import Sequence
from typing import Protocol

from engines.weights.catalogue import EMBEDDED
from engines.weights.resolver import Resolved
from pipeline.types import Emotion, Samples


class EmotionEngine(Protocol):
    def recognize(self, clips: Sequence[Samples]) -> list[Emotion]:
        """The emotion of each clip; `unknown` where a clip cannot be classified."""


def load(weights: Resolved, *, device: str = "cpu", threads: int = 1) -> EmotionEngine:
    if weights.name == EMBEDDED["emotion"]:
        from engines.emotions.whisper_emotion import WhisperEmotion

        return WhisperEmotion(weights.path, device=device, threads=threads)
    from engines.emotions.emotion2vec import Emotion2Vec

    return Emotion2Vec(weights.path, name=weights.name, device=device, threads=threads)


def weakness(name: str) -> str | None:
    """What a user should know about the detector of that name, in a sentence."""
    if name == EMBEDDED["emotion"]:
        return "It finds most feelings neutral, and is right in 31 % of four emotions of unknown recordings (chance: 25 %)."
    return None
