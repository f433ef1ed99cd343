"""Split the words of a segment, and join those of two."""

import re
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal, localcontext

from pipeline.transcript.tokens import IDEOGRAPHS
from pipeline.types import Span, Word

MORE_DIGITS = 8
"""Those of the sum and its half, and of the integers that have less digits than the other's fraction."""

_UNSPACED = re.compile(rf"[{IDEOGRAPHS}]")


def split(words: Sequence[Word], span: Span, at: int) -> tuple[tuple[Span, tuple[Word, ...]], tuple[Span, tuple[Word, ...]]]:
    """The two parts of a segment: the second begins with word number `at`, from 0. The pause between them is of neither.

    Raises ValueError where a part would have no words.
    """
    if not 0 < at < len(words):
        raise ValueError(f"A segment of {len(words)} word(s) is not split before word {at}, counted from 0.")
    first, second = tuple(words[:at]), tuple(words[at:])
    end = _inside(max(word.end for word in first), span)
    start = _inside(min(word.start for word in second), span)
    return (Span(span.start, end), first), (Span(start, span.end), second)


def join(first: Sequence[Word], second: Sequence[Word]) -> tuple[Word, ...]:
    """The words of two segments that follow each other, with a space between them where the writing has spaces."""
    if not first or not second or second[0].text[:1].isspace():
        return (*first, *second)
    if _UNSPACED.match(first[-1].text[-1:]) or _UNSPACED.match(second[0].text):
        return (*first, *second)
    return (*first, replace(second[0], text=f" {second[0].text}"), *second[1:])


def between(first: Decimal, second: Decimal) -> Decimal:
    """The position in the middle of two, exactly: it has a digit more, however often a segment is split."""
    with localcontext() as context:
        context.prec = max(len(one.as_tuple().digits) for one in (first, second)) + MORE_DIGITS
        return (first + second) / 2


def _inside(moment: float, span: Span) -> float:
    return min(max(moment, span.start), span.end)
