"""Ends of sentences and clauses in a sequence of words."""

from collections.abc import Sequence

import sentencex

from pipeline.types import Word

PERIODS = (".", "…")
"""May also end an abbreviation, an initial or a pause."""
ENDS = tuple("?!。？！।॥۔؟։።။") + PERIODS
"""Of Latin, CJK, Devanagari, Arabic, Armenian, Ethiopic and Burmese script."""
CLOSING = "\"'”’»)]」』"
CLAUSE_ENDS = tuple(",;:、，；：،")


def sentence_ends(words: Sequence[Word], language: str | None) -> list[bool]:
    """For each word whether a sentence ends with it; closing quotes and brackets are ignored.

    Abbreviations, initials, decimals and ellipses within a sentence are told by sentencex, with the rules of `language` (ISO
    639-1, English where it is None).
    """
    flags = [word.text.rstrip().rstrip(CLOSING).endswith(ENDS) for word in words]
    doubtful = [i for i, word in enumerate(words) if flags[i] and word.text.rstrip().endswith(PERIODS)]
    if not doubtful:
        return flags
    text = "".join(word.text for word in words)
    found = sentencex.get_sentence_boundaries(language or "en", text)
    ends = {len(text[: boundary["end_index"]].rstrip()) for boundary in found}
    position = 0
    for i, word in enumerate(words):
        position += len(word.text)
        if i in doubtful:
            flags[i] = position - len(word.text) + len(word.text.rstrip()) in ends
    return flags


def ends_clause(word: str) -> bool:
    return word.rstrip().endswith(CLAUSE_ENDS)
