"""The speaker threshold that applies to an embedding model."""

import pytest

from pipeline.identity.thresholds import THRESHOLDS, Threshold, configured_threshold, default_threshold, is_foreign, low_warning

MODEL, REFERENCE = "wespeaker-resnet34", "pyannote/embedding"


def test_without_a_setting_a_model_has_its_own() -> None:
    for model, own in THRESHOLDS.items():
        assert configured_threshold(model, None) == configured_threshold(model, None, "another/model") == Threshold(own)
    with pytest.raises(ValueError, match="SPEAKER_THRESHOLD"):
        configured_threshold("another/model", None)


@pytest.mark.parametrize("value", [0.1, 0.25, 0.30, 0.35, 0.39])
def test_a_value_of_the_reference_system_is_not_used_for_another_model(value: float) -> None:
    found = configured_threshold(MODEL, value)
    assert found.value == default_threshold(MODEL)
    assert found.warning is not None
    for part in (f"SPEAKER_THRESHOLD={value:g}", MODEL, REFERENCE, "SPEAKER_THRESHOLD_MODEL"):
        assert part in found.warning
    assert configured_threshold(REFERENCE, value) == Threshold(value), "there it is the right one"


def test_a_value_between_both_is_used_with_a_warning() -> None:
    for value in (0.40, 0.49):
        found = configured_threshold(MODEL, value)
        assert found.value == value
        assert found.warning is not None
        assert "low" in found.warning
    for value in (0.50, 0.53, 0.9):
        assert configured_threshold(MODEL, value) == Threshold(value)


def test_a_value_is_used_for_the_model_that_is_named_with_it() -> None:
    assert configured_threshold(MODEL, 0.3, MODEL) == Threshold(0.3)
    assert configured_threshold("another/model", 0.3) == Threshold(0.3), "nothing is known of it"
    found = configured_threshold(MODEL, 0.6, REFERENCE)
    assert found.value == default_threshold(MODEL)
    assert found.warning is not None
    assert REFERENCE in found.warning


def test_a_low_value_in_force_is_explained() -> None:
    assert not is_foreign(0.42, MODEL)
    assert low_warning(0.42, MODEL) is None
    assert low_warning(0.3, REFERENCE) is None
    warning = low_warning(0.3, MODEL)
    assert warning is not None
    assert "0.53" in warning
