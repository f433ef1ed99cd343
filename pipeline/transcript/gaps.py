"""Speech that the transcription leaves out: Whisper ends some windows early, and begins others late."""

from collections.abc import Sequence
from dataclasses import replace

from pipeline.types import Span, Utterance, Word

MIN_GAP_S = 3.0
"""A gap between words from which it may hold speech; people pause for a second or two."""

MAX_WORD_S = 2.0
"""A longer word is stretched over something else: word times come from attention."""


def gaps(window: Span, utterances: Sequence[Utterance]) -> list[Span]:
    """Parts of the window of at least `MIN_GAP_S` without a word."""
    return [gap for gap in _between_words(window, utterances) if gap.duration >= MIN_GAP_S]


def gaps_of_all(duration: float, transcribed: Sequence[tuple[Span, Sequence[Utterance] | None]]) -> list[Span]:
    """Parts of a recording of at least `MIN_GAP_S` without a word, given its windows in order, each with its utterances.

    Windows without utterances, which the transcriber failed on, are in no gap.
    """
    found: list[Span] = []
    end = 0.0
    for window, utterances in transcribed:
        found += [Span(end, window.start), *([] if utterances is None else _between_words(window, utterances))]
        end = window.end
    joined: list[Span] = []
    for gap in [*found, Span(end, duration)]:
        if joined and gap.start <= joined[-1].end:
            joined[-1] = Span(joined[-1].start, max(gap.end, joined[-1].end))
        else:
            joined.append(gap)
    return [gap for gap in joined if gap.duration >= MIN_GAP_S]


def fill(utterances: Sequence[Utterance], gap: Span, found: Sequence[Utterance]) -> list[Utterance]:
    """The utterances with those that were `found` in `gap`, one of `gaps`, in order of time."""
    if not found:
        return list(utterances)
    before: list[Utterance] = []
    after: list[Utterance] = []
    first = True
    for utterance in utterances:
        early: list[Word] = []
        late: list[Word] = []
        for word in utterance.words:
            spoken = _spoken(word, first=first)
            first = False
            if spoken.end <= gap.start:
                early.append(replace(word, end=min(word.end, gap.start)))
            else:
                late.append(replace(word, start=max(word.start, gap.end)))
        if early:
            before.append(replace(utterance, words=tuple(early)))
        if late:
            after.append(replace(utterance, words=tuple(late)))
    return [*before, *found, *after]


def _between_words(window: Span, utterances: Sequence[Utterance]) -> list[Span]:
    times = [_spoken(word, first=i == 0) for i, word in enumerate(word for found in utterances for word in found.words)]
    starts = [window.start, *(time.end for time in times)]
    ends = [*(time.start for time in times), window.end]
    return [Span(start, end) for start, end in zip(starts, ends, strict=True) if end >= start]


def _spoken(word: Word, *, first: bool) -> Span:
    """When the word is spoken. The first one is stretched to the front, the others to the end."""
    if word.end - word.start <= MAX_WORD_S:
        return Span(word.start, word.end)
    return Span(word.end - MAX_WORD_S, word.end) if first else Span(word.start, word.start + MAX_WORD_S)
