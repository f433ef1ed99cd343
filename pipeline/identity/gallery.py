"""The references of all speakers in one matrix; one product compares a voice with all of them."""

from collections.abc import Hashable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.identity.attenuation import attenuation
from pipeline.identity.matching import neighbours, similarities_of, units
from pipeline.types import Vector

ROOM = 1024
"""Initial capacity in columns; doubled when they are full."""


class Reference(NamedTuple):
    key: Hashable
    voice_id: int
    vector: Vector
    seconds: float | None = None
    """Of speech that it was computed from, where that is known."""


class ReferenceMatrix:
    """Vectors of one embedding model by key, each with its voice; those of little speech are longer than 1 (`attenuation`).

    A voice is the speaker of its id, unless `assign` says another one.

    A reference is a column: measured with 100,000 of 256 dimensions on two cores, one voice takes 6 to 8 ms against 12 to 16 ms
    where it is a row.
    """

    def __init__(self, dimension: int, model: str = "") -> None:
        self._model = model
        self._columns = np.empty((dimension, ROOM), np.float32)
        self._voices = np.empty(ROOM, np.int64)
        self._speakers = np.empty(ROOM, np.int64)
        self._owners: dict[int, int] = {}
        self._keys: list[Hashable] = []
        self._places: dict[Hashable, int] = {}

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def dimension(self) -> int:
        return len(self._columns)

    def put(self, references: Sequence[Reference]) -> None:
        """Add references, replacing an entry with the same key; a vector without a direction is left out."""
        if not references:
            return
        rows, known = units(np.stack([reference.vector for reference in references]))
        rows /= attenuation([reference.seconds for reference in references], self._model)[:, None]
        self.discard(reference.key for reference, usable in zip(references, known, strict=True) if not usable)
        kept = {one.key: at for at, one in enumerate(references) if known[at]}  # of the same key twice, the last
        for key in kept:
            if self._places.setdefault(key, len(self._keys)) == len(self._keys):
                self._keys.append(key)
        self._make_room()
        places = [self._places[key] for key in kept]
        # All at once: column by column, each number would be a cache line of its own.
        self._columns[:, places] = rows[list(kept.values())].T
        voices = [references[at].voice_id for at in kept.values()]
        self._voices[places] = voices
        self._speakers[places] = [self._owners.get(voice, voice) for voice in voices]

    def assign(self, voice: int, speaker: int) -> None:
        """The voice is the speaker's. Takes 0.1 ms with 100,000 references."""
        if self._owners.get(voice, voice) == speaker:
            return
        self._owners[voice] = speaker
        self._speakers[: len(self)][self._voices[: len(self)] == voice] = speaker

    def discard(self, keys: Iterable[Hashable]) -> None:
        """Remove these keys; missing keys are ignored."""
        for key in keys:
            if (place := self._places.pop(key, None)) is None:
                continue
            last = self._keys.pop()
            if last != key:  # the last column moves to the free position
                self._keys[place], self._places[last] = last, place
                self._columns[:, place] = self._columns[:, len(self._keys)]
                self._voices[place] = self._voices[len(self._keys)]
                self._speakers[place] = self._speakers[len(self._keys)]

    def neighbours(
        self, vectors: NDArray[np.float32], floor: float, seconds: Sequence[float | None] | None = None
    ) -> list[dict[int, float]]:
        """The speakers closer than `floor` to each of vectors (p, dimension), and their similarities.

        `seconds`: of speech that each vector was computed from, where that is known.
        Blocks: 8 ms for 100,000 references.
        """
        if not len(self) or not len(vectors):
            return [{} for _ in vectors]
        count = len(self)
        rows, known = units(vectors)
        if seconds is not None:
            rows /= attenuation(seconds, self._model)[:, None]
        return neighbours(similarities_of(rows, known, self._columns[:, :count]), self._speakers[:count], floor)

    def _make_room(self) -> None:
        room = len(self._speakers)
        while room < len(self._keys):
            room *= 2
        if more := room - len(self._speakers):
            self._columns = np.concatenate([self._columns, np.empty((self.dimension, more), np.float32)], axis=1)
            self._voices = np.concatenate([self._voices, np.empty(more, np.int64)])
            self._speakers = np.concatenate([self._speakers, np.empty(more, np.int64)])
