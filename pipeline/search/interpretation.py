"""A query in everyday language as words and filters."""

import re
from dataclasses import dataclass
from datetime import datetime

from pipeline.search.people import find_person
from pipeline.search.periods import Period, find_period

OPERATORS = re.compile(r'"|(?:^|\s)-\w|\sor\s', re.IGNORECASE)
"""Of web search engines. Who writes them means each word."""


@dataclass(frozen=True, slots=True)
class Interpretation:
    """`words` is what is left to search for; empty where the filters are all."""

    words: str
    period: Period | None = None
    name: str = ""
    """The person in the question, if there is a speaker of that name."""
    words_with_name: str = ""
    """What to search for if there is none."""


def interpret(query: str, now: datetime, *, period: bool = True, person: bool = True) -> Interpretation:
    """`now` has the time zone of the client. `period` and `person`: what may be read from the query."""
    if OPERATORS.search(query):
        return Interpretation(query, words_with_name=query)
    found = find_period(query, now) if period else None
    when, rest = found or (None, query)
    asked = find_person(rest) if person else None
    if asked is None:
        if when is None or not rest.strip(" ?.!"):  # a time alone is what is searched for
            return Interpretation(query, words_with_name=query)
        return Interpretation(rest, when, words_with_name=rest)
    if not asked.name:
        words = asked.rest or rest
        return Interpretation(words, when, words_with_name=words)
    return Interpretation(asked.rest, when, asked.name, f"{asked.name} {asked.rest}".strip())
