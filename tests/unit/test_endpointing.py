import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.live.endpointing import ENERGY, FRAME, LONGEST, MARGIN, SILERO, Endpointer, SpeechSpan, energy, longest_pause
from pipeline.types import SAMPLE_RATE, Samples

SECOND = SAMPLE_RATE
QUARTER = FRAME * 8
"""A quarter of a second, in whole frames."""


def noise(seconds: float, loudness: float = 0.1) -> Samples:
    samples = np.random.default_rng(0).normal(0, loudness, round(seconds * SECOND)).astype(np.float32)
    return samples.clip(-1, 1)


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * SECOND), np.float32)


def cuts(*parts: Samples, silence_duration: float = 0.5, origin: int = 0) -> list[SpeechSpan]:
    endpointer = Endpointer(energy, ENERGY, silence_duration, origin)
    return endpointer.feed(np.concatenate(parts)) + endpointer.finish()


def seconds(found: list[SpeechSpan]) -> list[tuple[float, float]]:
    return [(cut.start / SECOND, cut.end / SECOND) for cut in found]


# Speech comes and goes in steps of a fraction of a frame, long enough for monologues to be cut, too.
runs = st.lists(st.tuples(st.sampled_from([0.0, 0.02, 0.2]), st.integers(1, 40_000)), min_size=1, max_size=12)
chunks = st.lists(st.integers(1, 50_000), min_size=1, max_size=40)


@settings(max_examples=60)
@given(runs=runs, chunks=chunks, duration=st.sampled_from([0.1, 0.5, 2.0]), repeat=st.integers(1, 12))
def test_lines_do_not_depend_on_how_the_audio_arrives(
    runs: list[tuple[float, int]], chunks: list[int], duration: float, repeat: int
) -> None:
    audio = np.concatenate([noise(n / SECOND, loudness) for loudness, n in runs] * repeat)
    whole = cuts(audio, silence_duration=duration)
    endpointer, found, at = Endpointer(energy, ENERGY, duration), [], 0
    while at < len(audio):
        size = chunks[at % len(chunks)]
        found += endpointer.feed(audio[at : at + size])
        at += size
    assert found + endpointer.finish() == whole
    edges = [edge for cut in whole for edge in (cut.start, cut.end)]
    assert edges == sorted(edges)
    assert all(0 <= cut.start < cut.end <= min(len(audio), cut.start + LONGEST * FRAME) for cut in whole)


def test_a_line_is_the_speech_and_a_margin() -> None:
    ((start, end),) = seconds(cuts(silence(2), noise(1), silence(2)))
    assert start == pytest.approx(2 - MARGIN * FRAME / SECOND, abs=0.04)
    assert end == pytest.approx(3 + MARGIN * FRAME / SECOND, abs=0.04)


def test_a_pause_shorter_than_the_silence_that_ends_a_line_does_not() -> None:
    talk = (noise(1), silence(0.45), noise(1), silence(1))
    assert len(cuts(*talk, silence_duration=0.5)) == 1
    assert len(cuts(*talk, silence_duration=0.3)) == 2


def test_a_line_is_told_once_the_silence_has_lasted() -> None:
    endpointer = Endpointer(energy, ENERGY, 0.5)
    assert endpointer.feed(np.concatenate([noise(1), silence(0.4)])) == []
    assert endpointer.current is not None
    assert not endpointer.active
    assert len(endpointer.feed(silence(0.15))) == 1
    assert endpointer.current is None


def test_two_lines_share_no_sample() -> None:
    first, second = cuts(noise(1), silence(0.2), noise(1), silence_duration=0.1)
    assert first.end <= second.start


def test_a_click_and_a_murmur_are_no_lines() -> None:
    assert cuts(silence(1), noise(0.3), silence(1), noise(2, loudness=0.007), silence(1)) == []


def test_a_monologue_is_cut_in_its_longest_pause() -> None:
    found = seconds(cuts(noise(12), silence(0.2), noise(8), silence(0.4), noise(15), silence(1)))
    assert len(found) == 2
    assert 20.2 < found[0][1] < 20.6
    assert found[1][0] == found[0][1]


def test_a_monologue_without_a_pause_is_cut_where_it_is_quietest() -> None:
    found = seconds(cuts(noise(20), noise(0.25, loudness=0.02), noise(20), silence(1)))
    assert 20.0 <= found[0][1] <= 20.3
    assert found[0][1] == found[1][0]
    assert found[-1][1] > 40


def test_a_gigabyte_of_silence_leaves_nothing_behind() -> None:
    endpointer = Endpointer(energy, ENERGY, 0.5)
    for _ in range(20):
        assert endpointer.feed(silence(30)) == []
    assert sum(len(value) for value in vars(endpointer).values() if isinstance(value, np.ndarray)) < FRAME
    assert endpointer.current is None


def test_hysteresis_lets_speech_go_on_that_would_not_begin() -> None:
    likely = iter([0.4] * 5 + [0.6] + [0.4] * 20 + [0.3] * 40)
    endpointer = Endpointer(lambda frame: next(likely), SILERO, 0.5)
    (cut,) = endpointer.feed(np.zeros(66 * FRAME, np.float32))
    assert cut == SpeechSpan(0, (5 + 1 + 20 + MARGIN) * FRAME)


def test_a_stream_that_begins_in_the_middle_counts_from_there() -> None:
    (plain,), (later,) = cuts(noise(1), silence(1)), cuts(noise(1), silence(1), origin=12345)
    assert later == SpeechSpan(plain.start + 12345, plain.end + 12345)


def test_the_end_of_the_stream_ends_the_line() -> None:
    audio = np.concatenate([silence(1), noise(1.01)])
    (cut,) = cuts(audio)
    assert cut.end == len(audio)


@pytest.mark.parametrize(("speech", "pause"), [([], (0, 0)), ([0, 1, 0], (2, 1)), ([1, 0, 0, 1, 0], (1, 2))])
def test_longest_pause(speech: list[int], pause: tuple[int, int]) -> None:
    assert longest_pause([bool(spoken) for spoken in speech]) == pause
