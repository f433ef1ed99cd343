"""Text as the words that are compared: for error rates, and to find a segment again in a later transcript."""

import re

IDEOGRAPHS = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
"""A character class of kana and Han, which are written without spaces between words, in the syntax that Python's `re` and
PostgreSQL share."""


def tokens(text: str) -> list[str]:
    """The words of `text` in lower case, without punctuation: "don't" is "dont", "well-known" is two words."""
    return re.findall(r"\w+", re.sub("['\u2019]", "", text.casefold()))
