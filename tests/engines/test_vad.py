"""Voice activity detection."""

from itertools import pairwise

import numpy as np
import pytest

from engines import vad
from pipeline.types import SAMPLE_RATE
from tests.engines.speech import conversation, read


def test_speech_is_where_it_is() -> None:
    spans = vad.find_speech(conversation())
    assert 6.0 <= spans[0].start <= 6.8  # the first "Hello"
    assert 29.0 <= spans[-1].end <= 30.0
    assert all(a.end <= b.start for a, b in pairwise(spans))
    assert 18 <= sum(span.duration for span in spans) <= 24


@pytest.mark.parametrize("samples", [np.zeros(0, np.float32), np.zeros(5 * SAMPLE_RATE, np.float32)])
def test_silence_has_none(samples: np.ndarray) -> None:
    assert vad.find_speech(samples) == []


def test_noise_has_none() -> None:
    noise = np.random.default_rng(0).normal(0, 0.05, 5 * SAMPLE_RATE).astype(np.float32)
    assert vad.find_speech(noise) == []


def test_no_span_is_longer_than_whisper_hears() -> None:
    talk = np.tile(read("read_speech/librispeech_test-other/2609/2609-156975-0007.flac"), 4)
    spans = vad.find_speech(talk)
    assert max(span.duration for span in spans) <= 30.0
    assert sum(span.duration for span in spans) > 0.8 * len(talk) / SAMPLE_RATE


@pytest.mark.parametrize("seconds", [32, 41])  # a block is longer than any stretch of speech
def test_blocks_change_next_to_nothing(monkeypatch: pytest.MonkeyPatch, seconds: int) -> None:
    audio = np.tile(conversation(), 3)
    whole = vad.find_speech(audio)
    monkeypatch.setattr(vad, "BLOCK", seconds * SAMPLE_RATE)
    blocks = vad.find_speech(audio)
    assert all(a.end <= b.start for a, b in pairwise(blocks))
    clock = np.arange(0, 90, 0.01)
    speech = [np.logical_or.reduce([(s.start <= clock) & (clock < s.end) for s in spans]) for spans in (whole, blocks)]
    assert np.mean(speech[0] != speech[1]) < 0.03


def test_read_only_samples_will_do() -> None:
    audio = conversation()
    audio.flags.writeable = False
    assert vad.find_speech(audio) == vad.find_speech(audio.copy())
