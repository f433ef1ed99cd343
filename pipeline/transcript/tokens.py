"""Split text into the words that comparisons of transcripts use."""

import re


def tokens(text: str) -> list[str]:
    """The words of a text as they are compared: lower case, no punctuation ("don't" is "dont", "well-known" two words)."""
    return re.findall(r"\w+", re.sub("['\u2019]", "", text.casefold()))
