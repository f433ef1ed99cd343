"""Assign words to speakers by aligning them with the diarizer's turns."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from pipeline.transcript.participants import free_label
from pipeline.transcript.sentences import sentence_ends
from pipeline.transcript.windows import MIN_LAST_SHARD_S
from pipeline.types import Diarization, Segment, Turn, Utterance, Word

ONLY_SPEAKER = "SPEAKER_00"
"""The speaker of a recording without turns: the label that the diarizer gives to a first speaker."""

MAX_GAP_S = 1.0
"""The largest gap between a word and the turn that it belongs to.

Whisper's word times come from attention and are off by some tenths of a second, more at a pause; so are the bounds of turns.
Beyond that, the rest of the utterance is better evidence than the nearest turn.
"""

MAX_EDGE_WORDS = 2
"""At the edge of a sentence so many words may go to the speaker of the other words."""

MIN_OVERLAP_S = 0.25
"""Speech of another speaker from which a segment counts as overlapped; less is within the error of the turns."""

_Times = NDArray[np.float64]


class _Speech:
    """The speech of one speaker, as its cumulative duration over time."""

    def __init__(self, turns: Iterable[Turn]) -> None:
        times, spoken, end = [0.0], [0.0], -np.inf
        for turn in sorted(turns, key=lambda turn: turn.start):
            start = max(turn.start, end)
            if turn.end > start:
                times += [start, turn.end]
                spoken += [spoken[-1], spoken[-1] + turn.end - start]
                end = turn.end
        self._times, self._spoken = np.array(times[1:] or [0.0]), np.array(spoken[1:] or [0.0])

    def within(self, starts: _Times, ends: _Times) -> _Times:
        """Seconds of speech in each stretch, shape (n,)."""
        spoken: _Times = np.interp(ends, self._times, self._spoken) - np.interp(starts, self._times, self._spoken)
        return spoken


def _speech_by_speaker(turns: Sequence[Turn]) -> dict[str, _Speech]:
    by_name = sorted(turns, key=lambda turn: turn.speaker)
    return {speaker: _Speech(group) for speaker, group in groupby(by_name, key=lambda turn: turn.speaker)}


def _bounds(words: Sequence[Word]) -> tuple[_Times, _Times]:
    """Starts and ends, each shape (n,); those of a word that ends before it starts are swapped."""
    times = np.array([(word.start, word.end) for word in words], np.float64).reshape(-1, 2)
    return times.min(axis=1), times.max(axis=1)


def _nearest(turns: Sequence[Turn], starts: _Times, ends: _Times) -> tuple[NDArray[np.int64], _Times]:
    """The closest of `turns` (in order, not overlapping, at least one) and the seconds to it, each shape (n,)."""
    after = np.searchsorted(np.array([turn.start for turn in turns]), starts, side="right")
    turn_starts = np.array([turn.start for turn in turns] + [np.inf])
    turn_ends = np.array([-np.inf] + [turn.end for turn in turns])
    gap_before, gap_after = np.maximum(starts - turn_ends[after], 0.0), np.maximum(turn_starts[after] - ends, 0.0)
    return np.where(gap_before <= gap_after, after - 1, after), np.minimum(gap_before, gap_after)


def _speakers(utterances: Sequence[Utterance], diarization: Diarization) -> list[list[str]]:
    """The speaker of every word of every utterance."""
    turns = sorted(diarization.exclusive, key=lambda turn: turn.start)
    if not turns:
        return [[ONLY_SPEAKER] * len(utterance.words) for utterance in utterances]
    starts, ends = _bounds([word for utterance in utterances for word in utterance.words])
    names, speech = zip(*_speech_by_speaker(turns).items(), strict=True)
    overlap = np.stack([each.within(starts, ends) for each in speech])
    nearest, gap = _nearest(turns, starts, ends)
    overlapped = overlap.max(axis=0) > 0
    close = (overlapped | (gap <= MAX_GAP_S)).tolist()
    by_word = [
        names[speaker] if within else turns[turn].speaker
        for speaker, within, turn in zip(overlap.argmax(axis=0).tolist(), overlapped.tolist(), nearest.tolist(), strict=True)
    ]
    result, first = [], 0
    for utterance in utterances:
        here = slice(first, first := first + len(utterance.words))
        result.append(_settle(utterance, _fill(by_word[here], close[here])))
    return result


def _fill(speakers: Sequence[str], close: Sequence[bool]) -> list[str]:
    """Give a word that is close to no turn the speaker of the word before it, or else of the first word close to a turn."""
    if not any(close):
        return list(speakers)
    filled, speaker = [], speakers[close.index(True)]
    for own, is_close in zip(speakers, close, strict=True):
        speaker = own if is_close else speaker
        filled.append(speaker)
    return filled


def _settle(utterance: Utterance, speakers: list[str]) -> list[str]:
    """Give up to `MAX_EDGE_WORDS` words at the edge of a sentence to the speaker of the rest.

    Word times and turns are both off by some tenths of a second where the speaker changes, and speakers change at the ends of
    sentences. A sentence of which no speaker says two thirds stays divided.
    """
    first = 0
    for last, ends in enumerate(sentence_ends(utterance.words, utterance.language), 1):
        if ends or last == len(speakers):
            speakers[first:last] = _settle_sentence(speakers[first:last])
            first = last
    return speakers


def _settle_sentence(speakers: Sequence[str]) -> list[str]:
    main, count = Counter(speakers).most_common(1)[0]
    runs = [(speaker, len(list(run))) for speaker, run in groupby(speakers)]
    if count < len(speakers) * 2 / 3 or any(speaker != main for speaker, _ in runs[1:-1]):
        return list(speakers)
    runs = [(main if length <= MAX_EDGE_WORDS else speaker, length) for speaker, length in runs]
    return [speaker for speaker, length in runs for _ in range(length)]


def of_their_own(diarization: Diarization) -> Diarization:
    """The diarization with one more speaker, of all words in its missing parts: they belong to none of its turns."""
    if not diarization.missing:
        return diarization
    speaker = free_label({turn.speaker for turn in diarization.turns})
    added = []
    for part in diarization.missing:
        # The last windows before a missing part reach into it.
        reaching = [turn.end for turn in diarization.exclusive if turn.start < part.start + MIN_LAST_SHARD_S]
        start = max([part.start, *reaching])
        if start < part.end:
            added.append(Turn(start, part.end, speaker))
    return replace(diarization, exclusive=(*diarization.exclusive, *added))


def align(utterances: Sequence[Utterance], diarization: Diarization) -> list[Segment]:
    """Assign each word to a speaker and split the utterances where the speaker changes.

    A word belongs to the speaker who speaks most during it in the exclusive diarization; a word in no turn, to the nearest turn
    within `MAX_GAP_S`; a word far from all turns, to the speaker of its neighbour in the utterance; up to `MAX_EDGE_WORDS`
    words at the edge of a sentence, to the speaker of the rest. No word is lost, repeated or moved. A segment never spans two
    utterances, so that segments stay sentences. `overlap` is set where a turn of another speaker covers more than
    `MIN_OVERLAP_S` of the segment, or half of a shorter one. Without turns all words belong to `ONLY_SPEAKER`.
    """
    found: list[tuple[str, tuple[Word, ...], Utterance]] = []
    for utterance, speakers in zip(utterances, _speakers(utterances, diarization), strict=True):
        for speaker, group in groupby(zip(speakers, utterance.words, strict=True), key=lambda pair: pair[0]):
            found.append((speaker, tuple(word for _, word in group), utterance))
    if not found:
        return []
    segments = [
        Segment(
            min(min(word.start, word.end) for word in words),
            max(max(word.start, word.end) for word in words),
            speaker,
            words,
            utterance.avg_logprob,
            language=utterance.language,
            no_speech_prob=utterance.no_speech_prob,
        )
        for speaker, words, utterance in found
    ]
    flags = overlapped(segments, diarization.turns)
    return [replace(segment, overlap=bool(flag)) for segment, flag in zip(segments, flags, strict=True)]


def overlapped(segments: Sequence[Segment], turns: Sequence[Turn]) -> NDArray[np.bool_]:
    """Whether another speaker speaks during each segment, shape (n,)."""
    speakers = [segment.speaker for segment in segments]
    starts, ends = (np.array([getattr(segment, edge) for segment in segments]) for edge in ("start", "end"))
    enough = np.minimum(MIN_OVERLAP_S, (ends - starts) / 2)
    own = np.array(speakers)
    result = np.zeros(len(own), np.bool_)
    for speaker, speech in _speech_by_speaker(turns).items():
        result |= (own != speaker) & (speech.within(starts, ends) > enough)
    return result
