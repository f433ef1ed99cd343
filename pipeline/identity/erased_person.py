"""The person that an erasure removes, with the ids, names and vectors that stored copies may contain."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pipeline.names import key


@dataclass(frozen=True, slots=True)
class ErasedPerson:
    """The ids, names and vectors of a speaker, of the speakers merged into it, and of deleted speakers of the same name."""

    names: frozenset[str]
    """Present and former ones, without those that another speaker has now."""
    speakers: frozenset[int]
    rows: frozenset[tuple[int, datetime]]
    """The ids of speakers with the times of their creation: an id alone may be another speaker's in another database."""
    participants: frozenset[int]
    voices: frozenset[tuple[UUID, int]]
    """The participants with the uuids of their conversations."""
    vectors: frozenset[bytes]
    """Voice vectors, as float32."""


def mentions(text: str, names: Collection[str]) -> bool:
    """Whether the text contains one of the names, in any spelling, as a word. No text contains an empty name."""
    text, parts = key(text), map(key, names)
    return any(re.search(rf"(?<!\w){re.escape(part)}(?!\w)", text) for part in parts if part)
