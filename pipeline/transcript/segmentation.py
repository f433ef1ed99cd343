"""Cut what one speaker says in a row into lines to read: a sentence or so each."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from pipeline.transcript.sentences import ends_clause, ends_sentence
from pipeline.types import Segment, Word

PAUSE = 1.0
"""Seconds of silence that begin a new line wherever the sentence stands."""
SHORTEST = 1.0
"""Seconds. A sentence that is over sooner ("Okay.") stays on one line with the next."""
LONGEST = 15.0
"""Seconds after which a sentence that does not end is cut at its next comma; at `LIMIT` it is cut anywhere."""
LIMIT = 30.0


def split(segments: Iterable[Segment]) -> list[Segment]:
    """The same words, in the same order, in lines."""
    return [line for segment in segments for line in _split(segment)]


def _split(segment: Segment) -> Iterator[Segment]:
    line: list[Word] = []
    for word in segment.words:
        if line and _ends(line, word):
            yield _line(segment, line)
            line = []
        line.append(word)
    if line:
        yield _line(segment, line)


def _ends(line: list[Word], following: Word) -> bool:
    """Whether the line is complete and `following` begins another."""
    if following.start - line[-1].end >= PAUSE:
        return True
    duration = line[-1].end - line[0].start
    if ends_sentence(line[-1].text):
        return duration >= SHORTEST
    return duration >= LIMIT or (duration >= LONGEST and ends_clause(line[-1].text))


def _line(segment: Segment, words: list[Word]) -> Segment:
    return replace(segment, start=min(w.start for w in words), end=max(w.end for w in words), words=tuple(words))
