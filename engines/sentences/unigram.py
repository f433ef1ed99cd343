"""Tokens of SentencePiece's unigram model: of all ways to cut a word into pieces the most probable one (Kudo, 2018).

The library `tokenizers` takes 300 MB for the 250,000 pieces of this vocabulary, and a second to load them. This takes 45 MB.
Words repeat, so that the work for most of them is one look-up.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

CACHED_WORDS = 20_000
_SPACES = re.compile(" {2,}")
_START = "▁"
"""Stands for the space before a word."""
_UNKNOWN_PENALTY = 10.0
"""Below the least probable piece, for a character without one: SentencePiece's `kUnkPenalty`."""


class UnigramTokenizer:
    def __init__(self, pieces: Sequence[tuple[str, float]], characters: Mapping[int, str], unknown: int) -> None:
        """`pieces` in the order of their ids, with logarithms of probabilities; `characters` as `str.translate` takes them."""
        self._ids = {piece: id_ for id_, (piece, _) in enumerate(pieces)}
        self._scores = [score for _, score in pieces]
        self._characters, self._unknown = characters, unknown
        self._longest = max(map(len, self._ids))
        self._unknown_score = min(self._scores) - _UNKNOWN_PENALTY
        self._cached = lru_cache(CACHED_WORDS)(self._cut)

    def ids(self, text: str, limit: int) -> list[int]:
        """The first tokens, at least `limit` of them where the text has so many."""
        words = _SPACES.sub(" ", text.translate(self._characters)).removeprefix(" ").split(" ")
        found: list[int] = []
        for word in words:
            found += self._cached(_START + word[: limit * self._longest])
            if len(found) >= limit:
                break
        return found

    def _cut(self, word: str) -> tuple[int, ...]:
        """Viterbi's algorithm: the best way to each place in the word, then back from its end."""
        best = [0.0] + [-float("inf")] * len(word)
        came = [(0, 0)] * (len(word) + 1)
        for start in range(len(word)):
            for end in range(start + 1, min(start + self._longest, len(word)) + 1):
                id_ = self._ids.get(word[start:end])
                if id_ is not None and (score := best[start] + self._scores[id_]) > best[end]:
                    best[end], came[end] = score, (start, id_)
            if (score := best[start] + self._unknown_score) > best[start + 1]:
                best[start + 1], came[start + 1] = score, (start, self._unknown)
        ids: list[int] = []
        place = len(word)
        while place:
            place, id_ = came[place]
            ids.append(id_)
        return tuple(reversed(ids))
