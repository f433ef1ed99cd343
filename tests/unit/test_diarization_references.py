"""Error rates against words only (`benchmarks/harness/references.py`)."""

import pytest

from benchmarks.harness.references import Reference
from pipeline.types import Turn

LAUGH_AND_WORDS = Reference((Turn(0, 4, "A"), Turn(6, 8, "B")), (Turn(1, 4, "A"), Turn(6, 7, "B")))


def test_speech_without_words_is_not_scored() -> None:
    said = [Turn(1, 4, "x"), Turn(6, 7, "y")]
    with_laughter = [Turn(0, 4, "x"), Turn(6, 8, "y")]
    assert LAUGH_AND_WORDS.words_only(said, 10) == LAUGH_AND_WORDS.words_only(with_laughter, 10) == 0
    assert LAUGH_AND_WORDS.strict(said, 10) == pytest.approx(2 / 6)


def test_silence_and_words_are_scored() -> None:
    assert LAUGH_AND_WORDS.words_only([Turn(1, 5, "x"), Turn(6, 7, "y")], 10) == pytest.approx(1 / 4)  # one second of silence
    assert LAUGH_AND_WORDS.words_only([Turn(1, 4, "x")], 10) == pytest.approx(1 / 4)


def test_words_during_the_laughter_of_another_person_are_scored() -> None:
    reference = Reference((Turn(0, 4, "A"), Turn(2, 4, "B")), (Turn(0, 4, "A"),))
    assert reference.words_only([Turn(0, 2, "x")], 4) == pytest.approx(1 / 2)


def test_words_beyond_the_recording_do_not_count() -> None:
    reference = Reference((Turn(0, 4, "A"),), (Turn(0, 9, "A"), Turn(12, 15, "B")))
    assert reference.words_only([Turn(0, 4, "x")], 4) == 0


def test_without_words_there_is_no_rate() -> None:
    assert Reference((Turn(0, 4, "A"),)).words_only([], 4) is None
