"""Give the words of an edited segment their times, by alignment with the words that it had.

Words that stay keep their times. A word in place of another gets that one's times; several words share the time of those that
they replace, by their numbers of characters; inserted words get the pause there, or share the time of their neighbour.
"""

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from pipeline.transcript.tokens import IDEOGRAPHS, tokens
from pipeline.types import Span, Word

TYPED = 1.0
"""The probability of a word that a person typed."""
MIN_WORD_S = 0.1
"""In a pause that has less time for each inserted word, these share the time of a neighbour."""
MAX_INSERTED_WORD_S = 0.5
"""Inserted words in a long pause end after this time each."""
MAX_COMPARISONS = 250_000
"""Between old and new words; an alignment of more, which takes seconds, is replaced by an even distribution."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_PIECE = re.compile(rf"\s?(?:[{IDEOGRAPHS}][^\w\s]*|[^\s{IDEOGRAPHS}]+)")


def clean(text: str) -> str:
    """The text as a segment holds it: one line, single spaces, no control characters."""
    return " ".join(_CONTROL.sub(" ", text).split())


def joined(words: Sequence[Word]) -> str:
    """The text of words."""
    return "".join(word.text for word in words).strip()


def retime(text: str, words: Sequence[Word], span: Span) -> tuple[Word, ...]:
    """The words of `text`, which is `clean`, in order of time and inside `span`.

    Args:
        words: Those that the segment had before.
        span: The segment's.
    """
    line = text if words and not words[0].text[:1].isspace() else f" {text}"
    first, position = _kept_first(words, line)
    last, end = _kept_last(words[first:], line[position:])
    old, middle = words[first : len(words) - last], line[position : position + end]
    changed = _aligned(old, _PIECE.findall(middle))
    return _in_order(_timed([*words[:first], *changed, *words[len(words) - last :]], span), span)


def _kept_first(words: Sequence[Word], line: str) -> tuple[int, int]:
    """How many words `line` begins with, and the number of their characters."""
    position = 0
    for i, word in enumerate(words):
        end = position + len(word.text)
        following = words[i + 1].text if i + 1 < len(words) else " "
        is_whole = end == len(line) or line[end : end + 1].isspace() or line.startswith(following, end)
        if not word.text or not line.startswith(word.text, position) or not is_whole:
            return i, position
        position = end
    return len(words), position


def _kept_last(words: Sequence[Word], line: str) -> tuple[int, int]:
    """How many words `line` ends with, and the number of characters before them."""
    end = len(line)
    for i, word in enumerate(reversed(words)):
        start = end - len(word.text)
        before = words[-i - 2].text if i + 1 < len(words) else None
        is_whole = start == 0 or word.text[:1].isspace() or (before is not None and line[: max(start, 0)].endswith(before))
        if start < 0 or not word.text or line[start:end] != word.text or not is_whole:
            return i, end
        end = start
    return len(words), end


def _aligned(old: Sequence[Word], pieces: Sequence[str]) -> Iterator[Word | str]:
    """The pieces as words with the times of old ones; those that were inserted as they are."""
    if len(old) * len(pieces) > MAX_COMPARISONS:
        yield from _shared(pieces, Span(old[0].start, old[-1].end))
        return
    matcher = SequenceMatcher(None, [_key(word.text) for word in old], [_key(piece) for piece in pieces], autojunk=False)
    for kind, start, end, new_start, new_end in matcher.get_opcodes():
        former, new = old[start:end], pieces[new_start:new_end]
        if kind == "insert":
            yield from new
        elif len(former) == len(new):
            for word, piece in zip(former, new, strict=True):
                yield Word(piece, word.start, word.end, word.probability if kind == "equal" else TYPED)
        elif new:
            yield from _shared(new, Span(former[0].start, former[-1].end))


def _key(text: str) -> str:
    return "".join(tokens(text)) or text.strip()


def _shared(pieces: Sequence[str], span: Span) -> list[Word]:
    """Words that share the time of `span` by their numbers of characters."""
    lengths = [max(len(piece.strip()), 1) for piece in pieces]
    words, before = [], 0
    for piece, length in zip(pieces, lengths, strict=True):
        start = span.start + span.duration * before / sum(lengths)
        before += length
        words.append(Word(piece, start, span.start + span.duration * before / sum(lengths), TYPED))
    return words


def _timed(content: Sequence[Word | str], span: Span) -> list[Word]:
    """The same words, with times for those that were inserted."""
    timed: list[Word] = []
    inserted: list[str] = []
    for item in content:
        if isinstance(item, str):
            inserted.append(item)
            continue
        timed += _insert(timed, inserted, item, span)
        inserted = []
    return timed + _insert(timed, inserted, None, span)


def _insert(before: list[Word], pieces: Sequence[str], following: Word | None, span: Span) -> list[Word]:
    """`pieces` and the word that follows them; the last word of `before` gives them time where it must."""
    rest = [] if following is None else [following]
    if not pieces:
        return rest
    pause = Span(before[-1].end if before else span.start, following.start if following else span.end)
    if not before and following is None:
        return _shared(pieces, span)
    if pause.duration >= MIN_WORD_S * len(pieces):
        seconds = min(pause.duration, MAX_INSERTED_WORD_S * len(pieces))
        start = pause.start if before else pause.end - seconds
        return [*_shared(pieces, Span(start, start + seconds)), *rest]
    if before:
        last = before.pop()
        shared = _shared([last.text, *pieces], Span(last.start, max(last.end, pause.end)))
        return [_with_times(last, shared[0]), *shared[1:], *rest]
    assert following is not None
    shared = _shared([*pieces, following.text], Span(min(pause.start, following.start), following.end))
    return [*shared[:-1], _with_times(following, shared[-1])]


def _with_times(word: Word, times: Word) -> Word:
    return Word(word.text, times.start, times.end, word.probability)


def _in_order(words: Sequence[Word], span: Span) -> tuple[Word, ...]:
    """The same words, none before the one that precedes it and none outside `span`."""
    ordered, earliest = [], span.start
    for word in words:
        start = min(max(word.start, earliest), span.end)
        ordered.append(Word(word.text, start, min(max(word.end, start), span.end), word.probability))
        earliest = start
    return tuple(ordered)
