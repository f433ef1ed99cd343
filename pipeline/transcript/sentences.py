"""Ends of sentences and clauses, by punctuation."""

ENDS = tuple(".?!…。？！")
CLOSING = "\"'”’»)]」』"


def ends_sentence(word: str) -> bool:
    """Whether a sentence ends with this word; closing quotes and brackets are ignored."""
    return word.rstrip().rstrip(CLOSING).endswith(ENDS)


def ends_clause(word: str) -> bool:
    return ends_sentence(word) or word.rstrip().endswith((",", ";", ":", "、", "，", "；", "："))
