import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.live.endpointing import MARGIN_FRAMES, MAX_SPAN_FRAMES, Endpointer, SpeechSpan, longest_pause
from pipeline.live.vad import ENERGY, FRAME_SAMPLES, SILERO, energy
from pipeline.types import SAMPLE_RATE, Samples

SECOND = SAMPLE_RATE


def noise(seconds: float, loudness: float = 0.1) -> Samples:
    samples = np.random.default_rng(0).normal(0, loudness, round(seconds * SECOND)).astype(np.float32)
    return samples.clip(-1, 1)


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * SECOND), np.float32)


def spans_of(*parts: Samples, silence_duration: float = 0.5, origin: int = 0) -> list[SpeechSpan]:
    endpointer = Endpointer(energy, ENERGY, silence_duration, origin)
    return endpointer.feed(np.concatenate(parts)) + endpointer.finish()


def seconds(found: list[SpeechSpan]) -> list[tuple[float, float]]:
    return [(span.start / SECOND, span.end / SECOND) for span in found]


# Speech begins and ends within frames, and some of it is long enough to be split.
runs = st.lists(st.tuples(st.sampled_from([0.0, 0.02, 0.2]), st.integers(1, 40_000)), min_size=1, max_size=12)
# Recordings in chunks of one sample alone take most of the time: one short example covers them.
chunks = st.lists(st.integers(1, 50_000), min_size=1, max_size=40).map(lambda sizes: [*sizes, 5000])


@settings(max_examples=60)
@example(runs=[(0.2, 9000), (0.0, 5000)], chunks=[1], duration=0.1, repeat=2)
@given(runs=runs, chunks=chunks, duration=st.sampled_from([0.1, 0.5, 2.0]), repeat=st.integers(1, 12))
def test_spans_do_not_depend_on_how_the_audio_arrives(
    runs: list[tuple[float, int]], chunks: list[int], duration: float, repeat: int
) -> None:
    audio = np.concatenate([noise(n / SECOND, loudness) for loudness, n in runs] * repeat)
    whole = spans_of(audio, silence_duration=duration)
    endpointer, found, at = Endpointer(energy, ENERGY, duration), [], 0
    while at < len(audio):
        size = chunks[at % len(chunks)]
        found += endpointer.feed(audio[at : at + size])
        at += size
    assert found + endpointer.finish() == whole
    edges = [edge for span in whole for edge in (span.start, span.end)]
    assert edges == sorted(edges)
    assert all(0 <= span.start < span.end <= min(len(audio), span.start + MAX_SPAN_FRAMES * FRAME_SAMPLES) for span in whole)


def test_a_span_is_the_speech_and_a_margin() -> None:
    ((start, end),) = seconds(spans_of(silence(2), noise(1), silence(2)))
    assert start == pytest.approx(2 - MARGIN_FRAMES * FRAME_SAMPLES / SECOND, abs=0.04)
    assert end == pytest.approx(3 + MARGIN_FRAMES * FRAME_SAMPLES / SECOND, abs=0.04)


def test_a_pause_shorter_than_the_silence_duration_does_not_end_a_span() -> None:
    talk = (noise(1), silence(0.45), noise(1), silence(1))
    assert len(spans_of(*talk, silence_duration=0.5)) == 1
    assert len(spans_of(*talk, silence_duration=0.3)) == 2


def test_a_span_ends_once_the_silence_has_lasted() -> None:
    endpointer = Endpointer(energy, ENERGY, 0.5)
    assert endpointer.feed(np.concatenate([noise(1), silence(0.4)])) == []
    assert endpointer.current is not None
    assert not endpointer.active
    assert len(endpointer.feed(silence(0.15))) == 1
    assert endpointer.current is None


def test_two_spans_share_no_sample() -> None:
    first, second = spans_of(noise(1), silence(0.2), noise(1), silence_duration=0.1)
    assert first.end <= second.start


def test_a_click_and_a_murmur_are_no_spans() -> None:
    assert spans_of(silence(1), noise(0.3), silence(1), noise(2, loudness=0.007), silence(1)) == []


def test_a_monologue_is_split_in_its_longest_pause() -> None:
    found = seconds(spans_of(noise(12), silence(0.2), noise(8), silence(0.4), noise(15), silence(1)))
    assert len(found) == 2
    assert 20.2 < found[0][1] < 20.6
    assert found[1][0] == found[0][1]


def test_a_monologue_without_a_pause_is_split_where_it_is_quietest() -> None:
    found = seconds(spans_of(noise(20), noise(0.25, loudness=0.02), noise(20), silence(1)))
    assert 20.0 <= found[0][1] <= 20.3
    assert found[0][1] == found[1][0]
    assert found[-1][1] > 40


def test_silence_is_not_kept_in_memory() -> None:
    endpointer = Endpointer(energy, ENERGY, 0.5)
    for _ in range(20):
        assert endpointer.feed(silence(30)) == []
    assert sum(len(value) for value in vars(endpointer).values() if isinstance(value, np.ndarray)) < FRAME_SAMPLES
    assert endpointer.current is None


def test_speech_continues_at_a_probability_at_which_it_would_not_begin() -> None:
    probabilities = iter([0.4] * 5 + [0.6] + [0.4] * 20 + [0.3] * 40)
    endpointer = Endpointer(lambda frame: next(probabilities), SILERO, 0.5)
    (span,) = endpointer.feed(np.zeros(66 * FRAME_SAMPLES, np.float32))
    assert span == SpeechSpan(0, (5 + 1 + 20 + MARGIN_FRAMES) * FRAME_SAMPLES)


def test_a_stream_that_begins_in_the_middle_counts_from_its_origin() -> None:
    (plain,), (later,) = spans_of(noise(1), silence(1)), spans_of(noise(1), silence(1), origin=12345)
    assert later == SpeechSpan(plain.start + 12345, plain.end + 12345)


def test_the_end_of_the_stream_ends_the_span() -> None:
    audio = np.concatenate([silence(1), noise(1.01)])
    (span,) = spans_of(audio)
    assert span.end == len(audio)


@pytest.mark.parametrize(("speech", "pause"), [([], (0, 0)), ([0, 1, 0], (2, 1)), ([1, 0, 0, 1, 0], (1, 2))])
def test_longest_pause(speech: list[int], pause: tuple[int, int]) -> None:
    assert longest_pause([bool(spoken) for spoken in speech]) == pause
