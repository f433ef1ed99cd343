"""Where sentences end, as far as punctuation tells."""

ENDS = tuple(".?!…。？！")
CLOSING = "\"'”’»)]」』"


def ends_sentence(word: str) -> bool:
    """Whether a sentence ends with this word, closing quotes and brackets aside."""
    return word.rstrip().rstrip(CLOSING).endswith(ENDS)


def ends_clause(word: str) -> bool:
    return ends_sentence(word) or word.rstrip().endswith((",", ";", ":", "、", "，", "；", "："))
