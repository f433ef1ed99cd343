"""Voices as vectors."""

import itertools

import numpy as np
import pytest

from engines.speaker_embedding import SpeakerEmbedding
from engines.weights.resolver import resolve
from pipeline.types import SAMPLE_RATE, Span, Vector, cut
from settings import Settings
from tests.engines.speech import read

READERS = {"1688": "1688-142285-0001", "1998": "1998-15444-0000", "2414": "2414-128291-0005"}


@pytest.fixture(scope="module")
def engine() -> SpeakerEmbedding:
    return SpeakerEmbedding(resolve("embedding", Settings(), gpu=False).path, threads=2)


@pytest.fixture(scope="module")
def halves(engine: SpeakerEmbedding) -> dict[str, list[Vector]]:
    clips = {reader: read(f"read_speech/librispeech_test-other/{reader}/{name}.flac") for reader, name in READERS.items()}
    return {reader: [engine.embed(half) for half in np.array_split(clip, 2)] for reader, clip in clips.items()}


def test_vectors_have_unit_length(engine: SpeakerEmbedding, halves: dict[str, list[Vector]]) -> None:
    for vector in itertools.chain(*halves.values()):
        assert vector.shape == (engine.dimension,)
        assert vector.dtype == np.float32
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


def test_a_voice_is_closer_to_itself_than_to_any_other(halves: dict[str, list[Vector]]) -> None:
    same = [float(first @ second) for first, second in halves.values()]
    pairs = itertools.combinations(halves.values(), 2)
    different = [float(mine @ theirs) for ours, others in pairs for mine in ours for theirs in others]
    assert min(same) > max(different) + 0.1


def test_loudness_changes_nothing(engine: SpeakerEmbedding, halves: dict[str, list[Vector]]) -> None:
    clip = read("read_speech/librispeech_test-other/1688/1688-142285-0001.flac")
    quiet = (np.array_split(clip, 2)[0] * 0.1).astype(np.float32)
    assert float(engine.embed(quiet) @ halves["1688"][0]) > 0.99


def test_half_a_second_is_the_least(engine: SpeakerEmbedding) -> None:
    assert np.isfinite(engine.embed(np.ones(SAMPLE_RATE // 2, np.float32))).all()
    with pytest.raises(ValueError, match=r"0\.4\d s of speech are too little"):
        engine.embed(np.ones(SAMPLE_RATE // 2 - 800, np.float32))


def test_several_spans_at_once_are_nearly_as_each_alone(engine: SpeakerEmbedding) -> None:
    clip = read("read_speech/librispeech_test-other/1688/1688-142285-0001.flac")
    spans = [Span(0, 0.3), Span(0.5, 4.0), Span(3.0, 6.5), Span(len(clip) / SAMPLE_RATE, len(clip) / SAMPLE_RATE + 3)]
    vectors = engine.embed_each(clip, spans)
    assert [vector is None for vector in vectors] == [True, False, False, True]
    for vector, span in zip(vectors, spans, strict=True):
        if vector is not None:
            assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
            assert float(vector @ engine.embed(cut(clip, span))) > 0.9


def test_no_spans_have_no_voices(engine: SpeakerEmbedding) -> None:
    assert engine.embed_each(np.zeros(SAMPLE_RATE, np.float32), []) == []
