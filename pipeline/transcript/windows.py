"""Cutting a recording into pieces that replicas work on side by side."""

import math
from collections.abc import Iterator, Sequence

from pipeline.types import Span

MAX_WINDOW = 30.0
"""Seconds. Whisper pads whatever it is given to 30 s, so a short window costs as much as a full one."""

MAX_SILENCE = 10.0
"""Seconds of silence that a window may hold.

Whisper base neither made anything up nor lost a word beside 14 s of room noise, and a window more costs as much as 30 s of
speech. Larger models are known to write captions into long silences; those were not measured, so the longest are left out.
"""

SHARD = 120.0
"""Seconds of a recording that a diarizer looks at in one call. Less would cost time: what lies beyond a shard's end is heard
twice, a dozen seconds of it."""
LEAST = 10.0
"""Seconds; the end of a recording, if shorter, belongs to the shard before it. A diarizer's window is as long."""


def _split(speech: Sequence[Span], limit: float) -> Iterator[Span]:
    for span in speech:
        start = span.start
        while span.end - start > limit:
            yield Span(start, start + limit)
            start += limit
        yield Span(start, span.end)


def pack(speech: Sequence[Span], limit: float = MAX_WINDOW, max_silence: float = MAX_SILENCE) -> list[Span]:
    """The fewest windows of at most `limit` seconds that cover `speech` and are cut in its silences.

    `speech` is in order and does not overlap. A window begins with the start of a span and ends with the end of one; the
    silence between two windows is in neither. A span longer than `limit` is cut after every `limit` seconds: only a voice
    activity detector that finds no pause makes one. Taking as much as fits from the left is optimal, as it is for any covering
    of points on a line by intervals.
    """
    windows: list[Span] = []
    for span in _split(speech, limit):
        if windows and span.end - windows[-1].start <= limit and span.start - windows[-1].end <= max_silence:
            windows[-1] = Span(windows[-1].start, span.end)
        else:
            windows.append(span)
    return windows


def shards(duration: float) -> list[Span]:
    """A recording of `duration` seconds in consecutive pieces of `SHARD` seconds, the same however many replicas there are."""
    starts = [SHARD * i for i in range(1 + max(0, math.floor((duration - LEAST) / SHARD)))]
    return [Span(start, end) for start, end in zip(starts, [*starts[1:], max(duration, LEAST)], strict=True)]
