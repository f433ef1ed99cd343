"""The dual detector: each rule in its order, and properties that hold for all vectors."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.emotion.dual_detector import (
    Profile,
    SegmentFeatures,
    SpeakerEmotionProfiles,
    canonical,
    decide,
    similarities,
)
from pipeline.emotion.rules import CONTRACT, Evidence, Limits, judge
from pipeline.types import EMOTIONS, Vector

MODEL, VOICE = "test-emotion", "test-embedder"
DIMENSION = 4


def at(cosine: float, axis: int = 1) -> Vector:
    """A unit vector in the plane of the first axis and `axis`, with the given cosine to the first axis."""
    vector = np.zeros(DIMENSION, np.float32)
    vector[0], vector[axis] = cosine, np.sqrt(1 - cosine**2)
    return vector


def profile(emotion: str, cosine: float, voice: float | None = None, samples: int = 3, **more: Any) -> Profile:
    """An emotion profile with the similarity `cosine` to a segment on the first axis; its voice has the similarity `voice`."""
    known: dict[str, Any] = (
        {} if voice is None else {"voice_vector": at(voice), "voice_model": VOICE, "voice_sample_count": samples}
    )
    return Profile(emotion, at(cosine), MODEL, samples, **known, **more)


def line(label: str = "happy", confidence: float = 0.8, **changes: Any) -> SegmentFeatures:
    return replace(SegmentFeatures(label, confidence, at(1.0), MODEL, at(1.0), VOICE), **changes)


def decide_one(features: SegmentFeatures, *profiles: Profile, **more: Any) -> tuple[str, float, str, dict[str, Any]]:
    """Label, confidence, reason and breakdown at the thresholds 0.6 and 0.3."""
    speaker = SpeakerEmotionProfiles("Ada", profiles, **more)
    (decision,) = decide([features], speaker, emotion_threshold=0.6, speaker_threshold=0.3)
    assert decision.breakdown is not None
    final = decision.breakdown["final_decision"]
    assert (final["emotion"], final["confidence"]) == (decision.label, decision.confidence)
    confidence: Any = pytest.approx(decision.confidence, abs=1e-5)
    return decision.label, confidence, final["reason"], decision.breakdown


def test_without_a_profile_the_general_model_is_right() -> None:
    for features in (line("sad", 0.4), line("<unk>", 0.4)):
        (decision,) = decide([features], SpeakerEmotionProfiles("Ada"), emotion_threshold=0.6, speaker_threshold=0.3)
        assert (decision.label, decision.confidence, decision.breakdown) == (
            features.label.replace("<unk>", "unknown"),
            0.4,
            None,
        )


@pytest.mark.parametrize(
    ("features", "profiles", "expected"),
    [
        # The first detector alone: the profile's emotion above the threshold, else the general model's.
        (line("sad", 0.5), [profile("happy", 0.7)], ("happy", 0.7, "emotion2vec only (no voice profile match)")),
        (line("sad", 0.5), [profile("happy", 0.5)], ("sad", 0.5, "emotion2vec only (no voice profile match)")),
        (line("neutral", 0.9), [profile("happy", 0.1, 0.9)], ("neutral", 0.9, "emotion2vec neutral")),
        (line("<unk>", 0.9), [profile("happy", 0.1, 0.9)], ("neutral", 0.9, "emotion2vec neutral")),
        (line("happy", 0.9), [profile("neutral", 0.8, 0.9)], ("neutral", 0.8, "emotion2vec neutral")),
        # A voice needs more than two samples.
        (line("sad", 0.5), [profile("happy", 0.1, 0.9, 2)], ("sad", 0.5, "emotion2vec only (no voice profile match)")),
        (line("happy", 0.8), [profile("happy", 0.1, 0.9)], ("happy", 0.85, "Both agree")),
        (line("happy", 0.7), [profile("happy", 0.1, 0.84)], ("happy", 0.7, "Agree low conf")),
        (line("happy", 0.8), [profile("happy", 0.1, 0.79)], ("happy", 0.8, "Agree low conf")),
        (line("happy", 0.6), [profile("happy", 0.1, 0.9)], ("happy", 0.9, "Voice strong: happy")),
        (line("sad", 0.8), [profile("happy", 0.1, 0.9)], ("happy", 0.9, "Voice strong: happy")),
        (line("sad", 0.8), [profile("happy", 0.1, 0.84)], ("neutral", 0.84, "Disagree: sad vs happy")),
        (line("sad", 0.9), [profile("happy", 0.1, 0.84)], ("neutral", 0.9, "Disagree: sad vs happy")),
        (line("sad", 0.8, vector=np.zeros(4, np.float32)), [profile("happy", 0.9, 0.9)], ("sad", 0.8, "Invalid embeddings")),
        (line("sad", 0.8, voice=at(1) * np.nan), [profile("happy", 0.9, 0.9)], ("sad", 0.8, "Invalid embeddings")),
    ],
)
def test_rules(features: SegmentFeatures, profiles: list[Profile], expected: tuple[str, float, str]) -> None:
    assert decide_one(features, *profiles)[:3] == expected


def test_the_fast_path_needs_a_voice_closer_than_the_references_of_the_speaker() -> None:
    angry = profile("angry", 0.1, 0.7)
    assert decide_one(line("neutral", 0.9), angry, references=[(at(0.69), VOICE)])[:3] == (
        "angry",
        0.7,
        "Matched Ada_angry voice profile",
    )
    assert decide_one(line("neutral", 0.9), angry, references=[(at(0.71), VOICE)])[2] == "emotion2vec neutral"
    assert decide_one(line("neutral", 0.9), angry, references=[(at(0.1), VOICE), (at(0.8), VOICE)])[2] == "emotion2vec neutral"
    # Without references of the speaker the rule does not apply.
    assert decide_one(line("neutral", 0.9), angry, references=[(at(0.1), "another")])[2] == "emotion2vec neutral"


def test_the_breakdown_has_the_results_of_both_detectors() -> None:
    _, _, _, breakdown = decide_one(
        line("sad", 0.8), profile("angry", 0.1, 0.4), profile("happy", 0.1, 0.9), profile("sad", 0.1, 0.2)
    )
    assert breakdown["emotion2vec_detector"] == {"emotion": "sad", "confidence": 0.8}
    voice = breakdown["voice_profile_detector"]
    assert (voice["emotion"], voice["confidence"]) == ("happy", pytest.approx(0.9))
    assert [match["emotion"] for match in voice["matches"]] == ["happy", "angry", "sad"]
    assert voice["matches"][1] == {"emotion": "angry", "similarity": pytest.approx(0.4), "threshold": 0.3, "samples": 3}
    assert breakdown["final_decision"]["voice_profile_available"] is True


def test_the_breakdown_without_a_voice_and_on_the_fast_path() -> None:
    silent = decide_one(line("sad", 0.8, voice=None, voice_model=None), profile("happy", 0.1, 0.9))[3]
    assert (silent["voice_profile_detector"], silent["final_decision"]["voice_profile_available"]) == (None, False)
    unlike = decide_one(line("sad", 0.8), profile("happy", 0.1, 0.2))[3]["voice_profile_detector"]
    assert (unlike["emotion"], unlike["confidence"], len(unlike["matches"])) == (None, 0.0, 1)
    fast = decide_one(line("sad", 0.8), profile("happy", 0.1, 0.9), references=[(at(0.5), VOICE)])[3]
    assert fast["voice_profile_detector"] == {"emotion": "happy", "confidence": pytest.approx(0.9)}
    assert fast["emotion2vec_detector"] == {"emotion": "sad", "confidence": 0.8}


def test_the_narrowest_threshold_counts() -> None:
    happy = profile("happy", 0.5)
    assert decide_one(line("sad"), happy)[0] == "sad"
    assert decide_one(line("sad"), happy, emotion_threshold=0.4)[0] == "happy"
    assert decide_one(line("sad"), replace(happy, confidence_threshold=0.55), emotion_threshold=0.4)[0] == "sad"
    assert decide_one(line("sad"), replace(happy, confidence_threshold=0.0), emotion_threshold=0.9)[0] == "happy"
    voice = profile("happy", 0.1, 0.5, voice_threshold=0.6)
    assert decide_one(line("sad"), voice)[2].startswith("emotion2vec only")
    assert decide_one(line("sad"), replace(voice, voice_threshold=0.2))[2] == "Disagree: sad vs happy"


def test_a_voice_matches_from_the_limit_of_its_model_on_and_never_below_the_speaker_threshold() -> None:
    def reason(limit: float, speaker_threshold: float) -> str:
        limits = {VOICE: Limits(limit, 0.8, 0.85)}
        speaker = SpeakerEmotionProfiles("Ada", [profile("happy", 0.1, 0.6)])
        (decision,) = decide([line("sad")], speaker, emotion_threshold=0.6, speaker_threshold=speaker_threshold, limits=limits)
        assert decision.breakdown is not None
        return str(decision.breakdown["final_decision"]["reason"])

    assert reason(0.5, 0.3) == "Disagree: sad vs happy"
    assert reason(0.7, 0.3) == reason(0.5, 0.7) == "emotion2vec only (no voice profile match)"


def test_vectors_of_different_models_are_never_compared() -> None:
    foreign = replace(profile("angry", 1.0, 1.0), model="another", voice_model="another")
    label, confidence, reason, breakdown = decide_one(line("sad", 0.5), foreign)
    assert (label, confidence, reason) == ("sad", 0.5, "emotion2vec only (no voice profile match)")
    assert breakdown["voice_profile_detector"] is None
    larger = replace(foreign, model=MODEL, vector=np.ones(8, np.float32))
    assert decide_one(line("sad", 0.5), larger)[0] == "sad"


def test_the_first_rule_that_applies_decides() -> None:
    """All rules apply at once: each rule precedes those below it."""
    everything = Evidence(("sad", 0.5), ("neutral", 0.9), ("happy", 0.95), CONTRACT, valid=False, matched=True, name="Ada")
    reasons = [judge(everything).breakdown, judge(replace(everything, valid=True)).breakdown]
    reasons.append(judge(replace(everything, valid=True, matched=False)).breakdown)
    assert [found and found["final_decision"]["reason"] for found in reasons] == [
        "Invalid embeddings",
        "Matched Ada_happy voice profile",
        "emotion2vec neutral",
    ]


def test_an_emotion_is_one_of_nine() -> None:
    assert (canonical(" Happy "), canonical("<unk>")) == ("happy", "unknown")
    with pytest.raises(ValueError, match=r"There is no emotion 'joy' here: use one of angry, .*, unknown\."):
        canonical("joy")


vectors = st.lists(st.floats(width=32), min_size=3, max_size=3).map(lambda values: np.array(values, np.float32))
cosines = st.floats(0, 1)
models = st.sampled_from(["a", "b"])
profiles_ = st.builds(
    Profile,
    st.sampled_from(EMOTIONS),
    vectors,
    models,
    st.integers(1, 9),
    st.none() | cosines,
    vectors,
    models,
    st.integers(0, 9),
    st.none() | cosines,
)
personalities = st.builds(
    SpeakerEmotionProfiles,
    st.just("{Ada}"),
    st.lists(profiles_, max_size=4, unique_by=lambda found: found.emotion),
    st.none() | cosines,
    st.lists(st.tuples(vectors, models), max_size=3),
)
heards = st.builds(
    SegmentFeatures,
    st.sampled_from([*EMOTIONS, "<unk>"]),
    st.floats(),
    st.none() | vectors,
    models,
    st.none() | vectors,
    models,
)


@given(st.lists(heards, max_size=4), personalities, cosines, cosines)
def test_every_decision_has_a_known_label_and_a_probability(
    lines: list[SegmentFeatures], speaker: SpeakerEmotionProfiles, emotion_threshold: float, speaker_threshold: float
) -> None:
    thresholds: dict[str, Any] = {"emotion_threshold": emotion_threshold, "speaker_threshold": speaker_threshold}
    decisions = decide(lines, speaker, **thresholds)
    assert len(decisions) == len(lines)
    for decision in decisions:
        assert decision.label in EMOTIONS
        assert 0 <= decision.confidence <= 1
        assert (decision.breakdown is None) == (not speaker.profiles)
    # Neither the order of the profiles nor the other segments of the batch change a result.
    backwards = replace(speaker, profiles=speaker.profiles[::-1], references=speaker.references[::-1])
    assert decide(lines, backwards, **thresholds) == decisions
    alone = [decide([features], speaker, **thresholds)[0].label for features in lines]
    assert alone == [decision.label for decision in decisions]


@given(st.lists(vectors, min_size=1, max_size=4), st.floats(2.0**-10, 2.0**10))
def test_similarities_are_symmetric_and_do_not_depend_on_length(found: list[Vector], scale: float) -> None:
    pairs = [(vector, "a") for vector in found]
    forwards = similarities(pairs, pairs)
    np.testing.assert_array_almost_equal(forwards, forwards.T)
    assert np.nanmax(np.abs(forwards), initial=0.0) <= 1
    for index, vector in enumerate(found):
        usable = bool(np.isfinite(vector).all() and vector.any())
        assert np.isfinite(forwards[index, index]) == usable
        if usable:
            assert forwards[index, index] == pytest.approx(1.0)
            scaled: Any = vector.astype(np.float64) * scale  # a float32 would overflow
            np.testing.assert_allclose(similarities([(scaled, "a")], pairs)[0], forwards[index], atol=1e-6)
