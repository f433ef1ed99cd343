"""Texts as tokens of a model."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Tokens:
    ids: Sequence[Sequence[int]]
    cut: tuple[int, ...]
    """Positions of the texts that had more tokens than the model reads."""

    def padded(self, positions: Sequence[int], padding: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Ids and mask of some of the texts, each of shape (texts, tokens)."""
        length = max(len(self.ids[position]) for position in positions)
        ids = np.full((len(positions), length), padding, np.int64)
        mask = np.zeros((len(positions), length), np.int64)
        for row, position in enumerate(positions):
            count = len(self.ids[position])
            ids[row, :count] = self.ids[position]
            mask[row, :count] = 1
        return ids, mask


def within(limit: int, ids: Sequence[Sequence[int]], around: tuple[Sequence[int], Sequence[int]]) -> Tokens:
    """At most `limit` tokens of each text, with those before and after it."""
    before, after = around
    room = limit - len(before) - len(after)
    cut = tuple(position for position, found in enumerate(ids) if len(found) > room)
    return Tokens([[*before, *found[:room], *after] for found in ids], cut)
