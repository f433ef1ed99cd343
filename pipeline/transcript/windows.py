"""Divide a recording into windows and shards that replicas process in parallel."""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

from pipeline.concurrency import even_count
from pipeline.types import Span

MAX_WINDOW_S = 30.0
"""Whisper pads its input to 30 s, so a short window costs as much as a full one."""

MAX_SILENCE_S = 10.0
"""The longest silence within a window.

Whisper base neither made up nor lost a word next to 14 s of room noise, and each additional window costs as much as 30 s of
speech. Larger models are known to write captions into long silences; that was not measured, so longer silences are left out.
"""

SHARD_S = 120.0
"""The longest part of a recording that a diarizer processes in one call, about. Shorter shards cost time: about 12 s beyond the
end of a shard are processed twice."""
MIN_LAST_SHARD_S = 10.0
"""An end of a recording that is no shorter counts as a shard. The diarizer's window has this length."""
WINDOW_STEP_S = 1.0
"""Time from one of the diarizer's windows to the next."""


def _split(speech: Sequence[Span], limit: float) -> Iterator[Span]:
    for span in speech:
        start = span.start
        while span.end - start > limit:
            yield Span(start, start + limit)
            start += limit
        yield Span(start, span.end)


def pack(speech: Sequence[Span], limit: float = MAX_WINDOW_S, max_silence: float = MAX_SILENCE_S) -> list[Span]:
    """The fewest windows of at most `limit` seconds that cover `speech` and are cut in its silences.

    `speech` is in order and does not overlap. A window starts and ends with a span; the silence between two windows is in
    neither. A span longer than `limit`, which occurs only if the voice activity detector finds no pause, is cut after every
    `limit` seconds. Filling windows greedily from the left is optimal, as for any covering of points on a line by intervals.
    """
    windows: list[Span] = []
    for span in _split(speech, limit):
        if windows and span.end - windows[-1].start <= limit and span.start - windows[-1].end <= max_silence:
            windows[-1] = Span(windows[-1].start, span.end)
        else:
            windows.append(span)
    return windows


def shards(duration: float) -> list[Span]:
    """A recording of `duration` seconds in consecutive pieces of equal length, independent of the number of replicas.

    Inner edges are multiples of `WINDOW_STEP_S`.
    """
    count = even_count(1 + max(0, math.floor((duration - MIN_LAST_SHARD_S) / SHARD_S)))
    inner = [WINDOW_STEP_S * round(duration * i / count / WINDOW_STEP_S) for i in range(1, count)]
    return [Span(start, end) for start, end in pairwise([0.0, *inner, max(duration, MIN_LAST_SHARD_S)])]
