"""Rates, their intervals and the baseline of the benchmarks of accuracy."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.harness.figures import Count, Row, rate, shown, worse, write

COUNTS = [Count(wrong, 10) for wrong in (0, 1, 2, 3, 4, 5, 0, 1, 2, 2)]


def test_a_rate_weighs_units_by_their_size() -> None:
    assert rate([Count(1, 10), Count(9, 90)]).value == pytest.approx(0.1)
    assert rate([Count(0, 10), Count(90, 90)]).value == pytest.approx(0.9)


def test_a_rate_of_kinds_is_their_mean() -> None:
    counts = [Count(0, 1, "calm"), Count(0, 1, "calm"), Count(0, 1, "calm"), Count(1, 1, "sad")]
    assert rate(counts).value == pytest.approx(0.5)


def test_the_interval_is_that_of_the_bootstrap() -> None:
    """The standard error of the mean of equal units is known."""
    counts = [Count(wrong, 1) for wrong in np.random.default_rng(0).integers(0, 2, 400)]
    found = rate(counts)
    error = np.sqrt(found.value * (1 - found.value) / len(counts))
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * error, rel=0.1)
    assert found.low < found.value < found.high
    assert rate(counts) == found


def test_counts_of_a_unit_are_drawn_together() -> None:
    """Clips of a speaker resemble each other: they say less than as many speakers would."""
    clips = [Count(speaker % 2, 1, unit=str(speaker)) for speaker in range(20) for _ in range(10)]
    alone = [Count(clip.wrong, 1) for clip in clips]
    assert rate(clips).value == rate(alone).value == 0.5
    assert rate(clips).high - rate(clips).low > 2 * (rate(alone).high - rate(alone).low)
    assert Row("emotion", "EmoDB", clips).cells()[2] == "20"


def test_a_difference_is_paired() -> None:
    """Units differ much more from each other than stock and ours of a unit."""
    better = [Count(count.wrong - 0.1, count.total) for count in COUNTS]
    found = rate(better, COUNTS)
    assert found.value == pytest.approx(-0.01)
    assert found.high < 0
    assert rate(COUNTS).high - rate(COUNTS).low > 0.1


def test_one_unit_has_no_interval() -> None:
    found = rate([Count(1, 4)])
    assert (found.low, found.value, found.high) == (0.25, 0.25, 0.25)


def test_a_row_without_stock_is_shown() -> None:
    lines = shown([Row("WER", "German", COUNTS, COUNTS), Row("DER", "meetings", COUNTS)]).splitlines()
    assert lines[1].split("  ")[0] == "WER"
    assert lines[1].rstrip().endswith("  +0.0")
    assert "20.0% (" in lines[2]
    assert lines[2].rstrip().endswith("–")


def test_only_a_figure_above_its_interval_fails(tmp_path: Path) -> None:
    baseline = tmp_path / "baseline.json"
    write(baseline, [Row("WER", "German", COUNTS)])
    assert worse(baseline, [Row("WER", "German", COUNTS)]) == []
    assert worse(baseline, [Row("WER", "German", [Count(c.wrong + 0.5, 10) for c in COUNTS])]) == []
    (sentence,) = worse(baseline, [Row("WER", "German", [Count(c.wrong + 3, 10) for c in COUNTS])])
    assert sentence.startswith("WER, German: 50.0%, but at most 3")
    assert worse(baseline, [Row("WER", "German", [Count(0, 10)])]) == []
    assert worse(baseline, [Row("CER", "German", COUNTS)]) == ["CER, German: the baseline has no such figure."]
