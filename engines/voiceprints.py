"""Voiceprints: vectors of a speaker embedding engine under the name of its model."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from pipeline.types import Samples, Span, Vector, Voiceprint, cut


class EmbeddingEngine(Protocol):
    """`engines.speaker_embedding.SpeakerEmbedding`, which is not imported here because torch takes seconds to import."""

    def embed(self, audio: Samples) -> Vector: ...

    def embed_each(self, audio: Samples, spans: Sequence[Span]) -> Sequence[Vector | None]: ...


def speech_of(audio: Samples, spans: Sequence[Span]) -> Samples:
    """The samples of all `spans`, joined."""
    return np.concatenate([cut(audio, span) for span in spans])


class VoiceprintEngine:
    """A speaker embedding engine that returns voiceprints. Its calls block."""

    def __init__(self, engine: EmbeddingEngine, model: str) -> None:
        self._engine = engine
        self.model = model

    def made(self, voiceprint: Voiceprint) -> bool:
        """Whether the voiceprint is from this model, so that it need not be computed again."""
        return voiceprint.model == self.model

    def embed(self, speech: Samples) -> Voiceprint:
        return Voiceprint(self._engine.embed(speech), self.model)

    def embed_each(self, audio: Samples, spans: Sequence[Span]) -> list[Voiceprint | None]:
        vectors = self._engine.embed_each(audio, spans)
        return [None if vector is None else Voiceprint(vector, self.model) for vector in vectors]
