"""Notes on what a transcript leaves out."""

from dataclasses import replace

import pytest

from pipeline.transcript.notes import MAX_QUOTED_CHARACTERS, not_understood, unmet_hint, without_hallucinations
from pipeline.types import Segment, Span, SpeakerHint, Turn, Word


def segment(text: str, start: float) -> Segment:
    return Segment(start, start + 2.0, "S0", (Word(text, start, start + 2.0, 0.9),), -0.9)


def test_a_segment_that_is_left_out_is_noted_with_its_text_and_time() -> None:
    spoken, caption, loop = segment(" Good morning.", 1.0), segment(" Thank you for watching!", 4.0), segment(" no," * 200, 9.0)
    kept, notes = without_hallucinations([spoken, caption, loop], None)
    assert kept == [spoken]
    assert [(note.kind, note.start, note.end) for note in notes] == [("left_out", 4.0, 6.0), ("left_out", 9.0, 11.0)]
    assert "“Thank you for watching!”" in notes[0].message
    assert len(notes[1].message) < MAX_QUOTED_CHARACTERS + 120


def test_a_doubtful_segment_without_a_turn_is_left_out_if_there_was_a_diarizer() -> None:
    doubtful = replace(segment(" Das ist nicht so.", 4.0), no_speech_prob=0.8)
    for turns, kept in ((None, True), ([], False), ([Turn(0.0, 3.0, "A")], False), ([Turn(5.0, 9.0, "A")], True)):
        found, notes = without_hallucinations([doubtful], turns)
        assert (bool(found), bool(notes)) == (kept, not kept)


def test_speech_without_words_is_noted_from_its_first_turn_to_its_last() -> None:
    gap = Span(10.0, 20.0)
    voices = [Turn(16.0, 17.5, "A"), Turn(8.0, 10.6, "A"), Turn(16.5, 18.0, "B"), Turn(30.0, 40.0, "B")]
    (note,) = not_understood([gap, Span(50.0, 60.0)], voices)
    assert (note.kind, note.start, note.end) == ("left_out", 16.0, 18.0)
    assert "no words could be made out" in note.message


@pytest.mark.parametrize("turns", [[], [Turn(0.0, 11.4, "A"), Turn(18.6, 30.0, "A")], [Turn(12.0, 12.9, "A")] * 2])
def test_a_part_without_words_in_which_nobody_speaks_is_not_noted(turns: list[Turn]) -> None:
    assert not_understood([Span(10.0, 20.0)], turns) == []


@pytest.mark.parametrize(
    ("hint", "found", "wanted"),
    [
        (SpeakerHint(num_speakers=5), 2, 5),
        (SpeakerHint(num_speakers=1), 2, 1),
        (SpeakerHint(min_speakers=3), 2, 3),
        (SpeakerHint(min_speakers=1, max_speakers=2), 3, 2),
    ],
)
def test_a_hint_that_is_not_met_is_noted(hint: SpeakerHint, found: int, wanted: int) -> None:
    note = unmet_hint(hint, found)
    assert note is not None
    assert note.message == f"Speakers asked for: {wanted}; voices that could be told apart: {found}."


@pytest.mark.parametrize(
    ("hint", "found"), [(SpeakerHint(), 9), (SpeakerHint(num_speakers=2), 2), (SpeakerHint(None, 2, 4), 3), (SpeakerHint(5), 0)]
)
def test_a_hint_that_is_met_and_a_recording_without_speech_are_not_noted(hint: SpeakerHint, found: int) -> None:
    assert unmet_hint(hint, found) is None


@pytest.mark.parametrize("numbers", [(None, 3, 2), (2, 5, None), (5, None, 2)])
def test_numbers_of_speakers_that_contradict_each_other_are_refused(numbers: tuple[int | None, int | None, int | None]) -> None:
    with pytest.raises(ValueError, match="must not be"):
        SpeakerHint.checked(*numbers)
