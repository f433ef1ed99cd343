"""Key phrases: what a text is about, without a language model."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipeline.summary.common_words import COMMON, MIN_CHARS, WORD

MAX_WORDS_IN_PHRASE = 3
MIN_COUNT = 2
"""A phrase that occurs once may be chance."""
LONGER = 0.5
"""Exponent of the number of words: two words that recur together say more than each alone."""


@dataclass(frozen=True, slots=True)
class _Counted:
    counts: Counter[str]
    forms: dict[str, Counter[str]]
    """How each phrase is written."""


def key_phrases(chapters: Sequence[Sequence[str]], number: int) -> list[list[str]]:
    """The `number` key phrases of each chapter, which is the texts of its lines.

    Their score is the count in the chapter by the logarithm of the share of chapters without the phrase, as in tf-idf.
    """
    counted = [_count(chapter) for chapter in chapters]
    holding = Counter(phrase for one in counted for phrase in one.counts)

    def scores(one: _Counted) -> dict[str, float]:
        return {
            phrase: count * math.log(1 + len(chapters) / holding[phrase]) * (phrase.count(" ") + 1) ** LONGER
            for phrase, count in one.counts.items()
            if count >= MIN_COUNT
        }

    return [_best(scores(one), one, number) for one in counted]


def _best(scores: dict[str, float], counted: _Counted, number: int) -> list[str]:
    """The best that share no word."""
    chosen: list[str] = []
    used: set[str] = set()
    for phrase in sorted(scores, key=lambda phrase: (-scores[phrase], phrase)):
        words = set(phrase.split()) - COMMON
        if len(chosen) < number and used.isdisjoint(words):
            chosen.append(phrase)
            used |= words
    return [counted.forms[phrase].most_common(1)[0][0] for phrase in chosen]


def _count(texts: Sequence[str]) -> _Counted:
    found = _Counted(Counter(), {})
    for text in texts:
        for form in _phrases(text):
            phrase = form.casefold()
            found.counts[phrase] += 1
            found.forms.setdefault(phrase, Counter())[form] += 1
    return found


def _phrases(text: str) -> Iterator[str]:
    """One to three adjacent words that begin and end with words that say something."""
    words = WORD.findall(text)
    for start, word in enumerate(words):
        for end in range(start, min(start + MAX_WORDS_IN_PHRASE, len(words))):
            if _says(word) and _says(words[end]):
                yield " ".join(words[start : end + 1])


def _says(word: str) -> bool:
    return len(word) >= MIN_CHARS and not word.isdecimal() and word.casefold() not in COMMON
