"""Text as the words that are compared: for error rates, and to find a segment again in a later transcript."""

import re


def tokens(text: str) -> list[str]:
    """The words of `text` in lower case, without punctuation: "don't" is "dont", "well-known" is two words."""
    return re.findall(r"\w+", re.sub("['\u2019]", "", text.casefold()))
