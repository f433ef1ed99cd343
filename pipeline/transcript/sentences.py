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

    sentencex recognizes abbreviations, initials, decimals and ellipses within a sentence, by the rules of `language` (ISO
    639-1, English where it is None).
    """
    flags = [word.text.rstrip().rstrip(CLOSING).endswith(ENDS) for word in words]
    doubtful = [ends and word.text.rstrip().endswith(PERIODS) for word, ends in zip(words, flags, strict=True)]
    if not any(doubtful):
        return flags
    text = "".join(word.text for word in words)
    ends = set()
    for boundary in sentencex.get_sentence_boundaries(language or "en", text):
        start, end = boundary["start_index"], boundary["end_index"]
        ends.add(start + len(text[start:end].rstrip()))
    start = 0
    for i, word in enumerate(words):
        if doubtful[i]:
            flags[i] = start + len(word.text.rstrip()) in ends
        start += len(word.text)
    return flags


def ends_clause(word: str) -> bool:
    return word.rstrip().endswith(CLAUSE_ENDS)
