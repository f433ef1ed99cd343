from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.transcript.windows import MAX_SILENCE_S, MAX_WINDOW_S, MIN_LAST_SHARD_S, SHARD_S, WINDOW_STEP_S, pack, shards
from pipeline.types import Span

# Quarters of a second are exact in binary, so that lengths can be compared without a tolerance.
_quarters = st.integers(0, 80).map(lambda n: n / 4)


@st.composite
def _speech(draw: st.DrawFn) -> list[Span]:
    spans, now = [], 0.0
    for gap, length in draw(st.lists(st.tuples(_quarters, _quarters), max_size=14)):
        spans.append(Span(now + gap, now + gap + length + 0.25))
        now = spans[-1].end
    return spans


def _fewest(speech: list[Span]) -> int:
    """The number of windows of the best way to cut a list of spans, by trying all of them."""

    @cache
    def rest(first: int) -> int:
        if first == len(speech):
            return 0
        ways = []
        for last in range(first, len(speech)):
            silent = last > first and speech[last].start - speech[last - 1].end > MAX_SILENCE_S
            if silent or speech[last].end - speech[first].start > MAX_WINDOW_S:
                break
            ways.append(1 + rest(last + 1))
        return min(ways)

    return rest(0)


@given(_speech())
def test_windows_are_few_short_and_hold_every_span_whole(speech: list[Span]) -> None:
    windows = pack(speech)
    assert all(any(w.start <= s.start and s.end <= w.end for w in windows) for s in speech)
    assert {w.start for w in windows} <= {s.start for s in speech}
    assert {w.end for w in windows} <= {s.end for s in speech}
    assert all(before.end <= after.start for before, after in pairwise(windows))
    assert all(window.duration <= MAX_WINDOW_S for window in windows)
    assert len(windows) == _fewest(speech)


def test_no_speech_makes_no_window() -> None:
    assert pack([]) == []


def test_a_window_is_cut_in_the_last_silence_that_fits() -> None:
    assert pack([Span(0, 14), Span(15, 29), Span(29.5, 31)]) == [Span(0, 29), Span(29.5, 31)]


def test_a_long_silence_is_left_out() -> None:
    assert pack([Span(0, 2), Span(9, 10), Span(20.5, 21)]) == [Span(0, 10), Span(20.5, 21)]


@pytest.mark.parametrize("length", [30.1, 60.0, 95.3])
def test_a_span_without_a_pause_is_cut_into_pieces_that_touch(length: float) -> None:
    windows = pack([Span(1.1, 1.1 + length)])
    assert (windows[0].start, windows[-1].end) == (1.1, 1.1 + length)
    assert all(before.end == after.start for before, after in pairwise(windows))
    assert all(0 < window.duration <= MAX_WINDOW_S + 1e-9 for window in windows)


def test_what_is_left_of_a_long_span_shares_a_window_with_the_next() -> None:
    assert pack([Span(0, 40), Span(41, 50)]) == [Span(0, 30), Span(30, 50)]


@given(st.floats(0.001, 50_000))
def test_shards_cover_a_recording_and_none_is_shorter_than_a_window(duration: float) -> None:
    found = shards(duration)
    assert found[0].start == 0
    assert found[-1].end >= duration
    assert all(a.end == b.start for a, b in pairwise(found))
    assert all(MIN_LAST_SHARD_S <= part.duration <= SHARD_S + MIN_LAST_SHARD_S for part in found)
    assert all(part.start % WINDOW_STEP_S == 0 for part in found)
    assert max(part.duration for part in found) - min(part.duration for part in found) <= 2 * WINDOW_STEP_S


@pytest.mark.parametrize(
    ("minutes", "count"), [(2, 1), (4, 2), (6, 3), (8, 4), (10, 6), (30, 16), (60, 32), (90, 48), (240, 128)]
)
def test_replicas_have_the_same_number_of_shards(minutes: float, count: int) -> None:
    assert len(shards(60 * minutes)) == count
