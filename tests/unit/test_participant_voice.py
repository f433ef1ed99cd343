"""The vector of a participant, from the voices of its segments."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.identity.participant_voice import SegmentVoice, participant_voice
from pipeline.types import Vector, Voiceprint
from tests.storage.transcripts import MODEL, voice

STORED = Voiceprint(voice(9), MODEL)


def spoken(seed: int, seconds: float = 2.0, model: str = MODEL) -> SegmentVoice:
    return SegmentVoice(seconds, Voiceprint(voice(seed), model), overlap=False, is_misidentified=False)


def direction(vector: Vector) -> Vector:
    return vector / np.linalg.norm(vector)


def vector_of(found: Voiceprint | None) -> Vector:
    assert found is not None
    return found.vector


def test_it_is_the_mean_of_the_segments_by_their_length() -> None:
    found = participant_voice([spoken(1, 1.0), spoken(2, 3.0)], STORED)
    np.testing.assert_allclose(vector_of(found), direction(voice(1) + 3 * voice(2)), atol=1e-6)
    assert found is not None
    assert found.model == MODEL


def test_misidentified_segments_and_overlapped_ones_are_left_out() -> None:
    marked, overlapped = replace(spoken(2), is_misidentified=True), replace(spoken(3), overlap=True)
    np.testing.assert_allclose(vector_of(participant_voice([spoken(1), marked, overlapped], None)), voice(1), atol=1e-6)
    np.testing.assert_allclose(vector_of(participant_voice([marked, overlapped], None)), voice(3), atol=1e-6)


def test_without_a_segment_of_its_own_there_is_no_voice() -> None:
    assert participant_voice([], STORED) is None
    assert participant_voice([replace(spoken(1), is_misidentified=True)], STORED) is None


def test_where_no_segment_has_a_vector_the_stored_one_stays() -> None:
    short = replace(spoken(1), voiceprint=None)
    assert participant_voice([short], STORED) is STORED
    assert participant_voice([short], None) is None
    assert participant_voice([short, replace(spoken(1), is_misidentified=True)], STORED) is None, "it was of a marked segment"


def test_vectors_of_two_models_are_not_averaged() -> None:
    segments = [spoken(1), spoken(2, model="another")]
    np.testing.assert_allclose(vector_of(participant_voice(segments, STORED)), voice(1), atol=1e-6)
    found = participant_voice(segments, None)
    assert found is not None
    assert found.model == "another"  # that of the last segment
    assert participant_voice(segments[1:], STORED) is STORED


voices = st.builds(
    SegmentVoice,
    st.floats(0.01, 60.0),
    st.none() | st.builds(Voiceprint, st.integers(0, 5).map(lambda i: voice(i, 8)), st.sampled_from([MODEL, "another"])),
    st.booleans(),
    st.booleans(),
)


@given(st.lists(voices, max_size=8), st.none() | st.just(Voiceprint(voice(9, 8), MODEL)), st.randoms())
def test_it_never_contains_what_is_marked_and_does_not_depend_on_the_order(segments, stored, random) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    found = participant_voice(segments, stored)
    own = [segment for segment in segments if not segment.is_misidentified]
    assert found is None or own
    models = {segment.voiceprint.model for segment in own if segment.voiceprint is not None}
    assert found is None or found is stored or found.model in models
    if found is not None:
        assert np.linalg.norm(found.vector) == pytest.approx(1.0, abs=1e-5)
    if stored is not None or len(models) < 2:  # else the last segment decides the model
        random.shuffle(segments)
        again = participant_voice(segments, stored)
        assert (again is None) == (found is None)
        if found is not None and again is not None:
            np.testing.assert_allclose(again.vector, found.vector, atol=1e-4)
