"""The label, activation and valence of scores."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.emotion.feeling import Baseline, Calibration, Feeling, baseline, feeling, read_scores
from pipeline.types import EMOTIONS


def test_the_most_probable_label_counts() -> None:
    found = feeling({"sad": 0.3, "happy": 0.7})
    assert (found.label, found.confidence) == ("happy", 0.7)
    assert found.activation == pytest.approx(0.7 * 0.51 - 0.3 * 0.27)
    assert found.valence == pytest.approx(0.7 * 0.81 - 0.3 * 0.63)
    assert feeling({"sad": 0.5, "angry": 0.5}).label == "angry"


def test_what_cannot_be_classified_has_no_activation() -> None:
    assert feeling({}) == Feeling("unknown", 0.0, None, None)


def test_neutral_speech_is_neither_excited_nor_calm() -> None:
    assert feeling({"neutral": 1.0}) == Feeling("neutral", 1.0, 0.0, 0.0)
    assert feeling({"<unk>": 0.9, "sad": 0.1}).label == "unknown"


@pytest.mark.parametrize("bad", [math.nan, math.inf, -1.0])
def test_scores_that_are_no_probabilities_count_as_none(bad: float) -> None:
    assert feeling({"sad": bad, "happy": 0.4}) == feeling({"sad": 0.0, "happy": 0.4})
    assert feeling({"sad": bad}).confidence == 0.0


@given(st.dictionaries(st.sampled_from(EMOTIONS), st.floats(), min_size=1))
def test_activation_and_valence_are_between_their_ends(scores: dict[str, float]) -> None:
    found = feeling(scores)
    assert found.label in scores
    for value in (found.confidence - 1, found.activation, found.valence):
        assert value is not None
        assert -1 <= value <= 1


SAD = {"angry": 0.05, "happy": 0.05, "neutral": 0.1, "sad": 0.8}
EVEN = dict.fromkeys(SAD, math.log(0.25))
CALIBRATION = Calibration(usual=EVEN, unknown_segments=3.0, neutral_odds=1.0)


def test_scores_are_compared_with_what_is_usual_for_the_speaker() -> None:
    assert read_scores(SAD, CALIBRATION, None) == feeling(SAD)
    usual = baseline([SAD] * 97)
    always = read_scores(SAD, CALIBRATION, usual)
    assert always.confidence == pytest.approx(0.25, abs=0.05)  # as usual: nothing speaks for any emotion
    assert read_scores(dict.fromkeys(SAD, 0.25), CALIBRATION, usual).label != "sad"


def test_a_few_segments_are_hardly_a_baseline() -> None:
    confidence = [read_scores(SAD, CALIBRATION, baseline([SAD] * number)).confidence for number in (0, 1, 3, 30)]
    assert confidence == sorted(confidence, reverse=True)
    assert read_scores(SAD, CALIBRATION, baseline([SAD])).label == "sad"


def test_an_emotion_must_be_likelier_than_neutral_speech_is_frequent() -> None:
    careful = Calibration(EVEN, 3.0, neutral_odds=10.0)
    found = read_scores(SAD, careful, None)
    assert found.label == "neutral"
    assert found.confidence == pytest.approx(1 / 1.9)
    assert read_scores({"angry": 0.97, "neutral": 0.03}, careful, None).label == "angry"


def test_a_baseline_is_the_mean_logarithm_of_scores() -> None:
    found = baseline([{"sad": 0.5, "happy": 0.5}, {"sad": 0.125, "happy": 0.875}, {}])
    assert found.segments == 2
    assert found.means["sad"] == pytest.approx(math.log(0.25))
    assert baseline([]) == Baseline(0, {})
