"""What turns texts into vectors, and the prefixes that models of the E5 family were trained with."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.types import TextVectors

BATCH_TOKENS = 2048
"""Of all texts that are computed at once, with padding: on a CPU more are not faster, and need more memory."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Encoded:
    vectors: Floats
    """Shape (texts, dimension), each of length 1."""
    cut: tuple[int, ...] = ()
    """Positions of the texts that are longer than the model reads; their ends were left out."""


class Encoder(Protocol):
    def encode(self, texts: Sequence[str]) -> Encoded:
        """The vectors of texts, of which there is at least one. Blocks."""


class SentenceEmbedding:
    """The engine of the stage: an encoder with its prefixes."""

    def __init__(self, encoder: Encoder, name: str) -> None:
        self._encoder, self.name = encoder, name
        self._query, self._passage = prefixes(name)

    def query(self, text: str) -> TextVectors:
        return self._embed([self._query + text])

    def passages(self, texts: Sequence[str]) -> TextVectors:
        return self._embed([self._passage + text for text in texts])

    def _embed(self, texts: Sequence[str]) -> TextVectors:
        found = self._encoder.encode(texts)
        return TextVectors(found.vectors, self.name, found.cut)


def prefixes(model: str) -> tuple[str, str]:
    """What precedes a query and a passage, by the name of the model."""
    name = model.lower()
    e5 = "e5-" in name and "instruct" not in name
    return ("query: ", "passage: ") if e5 else ("", "")


def batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Positions of texts with so many tokens, in groups of similar length and at most `BATCH_TOKENS` with padding."""
    batch: list[int] = []
    for position in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and lengths[position] * (len(batch) + 1) > BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(position)
    if batch:
        yield batch


def normalized(vectors: Floats) -> Floats:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, np.finfo(np.float32).tiny), np.float32)
