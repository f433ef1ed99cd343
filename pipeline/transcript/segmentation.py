"""Split segments into readable lengths, at about one sentence each."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace

from pipeline.transcript.sentences import ends_clause, sentence_ends
from pipeline.types import Segment, Turn, Word

MAX_PAUSE_S = 1.0
"""Silence that ends a segment, also within a sentence."""
MIN_SENTENCE_S = 1.0
"""A shorter sentence ("Okay.") stays in one segment with the next."""
SOFT_LIMIT_S = 15.0
"""A sentence of this length is split at its next comma; at `HARD_LIMIT_S` it is split between any two words."""
HARD_LIMIT_S = 30.0


def split(segments: Iterable[Segment], language: str | None) -> list[Segment]:
    """The same words in the same order, in shorter segments; `language` is spoken where a segment has none."""
    return [part for segment in segments for part in _split(segment, language)]


def of_turns(turns: Iterable[Turn]) -> list[Segment]:
    """Segments without words, in order: each turn, in equal parts of at most `HARD_LIMIT_S`."""
    segments = []
    for turn in sorted(turns, key=lambda turn: turn.start):
        parts = max(1, math.ceil((turn.end - turn.start) / HARD_LIMIT_S))
        length = (turn.end - turn.start) / parts
        for i in range(parts):
            start, end = turn.start + i * length, turn.start + (i + 1) * length
            segments.append(Segment(start, end, turn.speaker, (), avg_logprob=0.0))
    return segments


def _split(segment: Segment, language: str | None) -> Iterator[Segment]:
    words: list[Word] = []
    after_sentence = False
    for word, ends_sentence in zip(segment.words, sentence_ends(segment.words, segment.language or language), strict=True):
        if words and _ends(words, after_sentence, word):
            yield _part(segment, words)
            words = []
        words.append(word)
        after_sentence = ends_sentence
    if words:
        yield _part(segment, words)


def _ends(words: list[Word], after_sentence: bool, following: Word) -> bool:
    """Whether a segment of `words` is complete and `following` begins the next."""
    if following.start - words[-1].end >= MAX_PAUSE_S:
        return True
    duration = words[-1].end - words[0].start
    if after_sentence:
        return duration >= MIN_SENTENCE_S
    return duration >= HARD_LIMIT_S or (duration >= SOFT_LIMIT_S and ends_clause(words[-1].text))


def _part(segment: Segment, words: list[Word]) -> Segment:
    return replace(segment, start=min(w.start for w in words), end=max(w.end for w in words), words=tuple(words))
