"""Manual edits are applied to a new transcript where it contains the words that they replaced."""

from datetime import UTC, datetime

import pytest

from pipeline.transcript.kept_edits import Kept, KeptEdit, Stretch, keep
from pipeline.types import Segment, Span, Word

MOMENT = datetime(2026, 3, 1, tzinfo=UTC)


def words(text: str, start: float = 0.0) -> tuple[Word, ...]:
    """One word a second."""
    return tuple(Word(f" {word}", start + i, start + i + 0.8, 0.9) for i, word in enumerate(text.split()))


def segments(*texts: str, shift: float = 0.0) -> list[Segment]:
    found, start = [], shift
    for text in texts:
        found.append(Segment(start, start + len(text.split()), "A", words(text, start), -0.2))
        start += len(text.split())
    return found


def stretch(was: str, became: str, start: float = 0.0) -> Stretch:
    length = len(was.split())
    return Stretch(Span(start, start + length), words(was, start), words(became, start), MOMENT)


def texts(kept: Kept) -> list[str | None]:
    found = []
    for each in kept.segments:
        segment = each.segment if isinstance(each, KeptEdit) else each
        found.append(None if segment is None else segment.text)
    return found


def test_a_correction_follows_its_words_into_other_segments() -> None:
    new = segments("so I", "met bill baxly there", shift=0.5)
    kept = keep(new, [stretch("so I met bill baxly", "So I met Bill Baxley")])
    assert texts(kept) == ["So I", "met Bill Baxley there"]
    assert kept.notes == []
    edit = kept.segments[1]
    assert isinstance(edit, KeptEdit)
    assert (edit.original, edit.edited_at) == (new[1], MOMENT)
    assert edit.segment is not None
    assert edit.segment.words[2].start == new[1].words[2].start


def test_other_words_of_the_line_may_be_heard_otherwise() -> None:
    kept = keep(segments("we saw mister baxly yesterday"), [stretch("he saw mr baxly yesterday", "he saw mr Baxley yesterday")])
    assert texts(kept) == ["we saw mister Baxley yesterday"]


def test_what_is_heard_as_it_was_corrected_needs_no_change() -> None:
    new = segments("I met Baxley")
    assert keep(new, [stretch("I met backs", "I met Baxley")]) == Kept(new, [])


@pytest.mark.parametrize(
    ("became", "said"), [("I met Baxley", "The correction of “backs” to “Baxley”"), ("", "The deletion of")]
)
def test_what_is_not_heard_again_is_said(became: str, said: str) -> None:
    new = segments("we bet Max Lee")
    kept = keep(new, [stretch("I met backs", became)])
    assert kept.segments == new
    (note,) = kept.notes
    assert note.kind == "edits"
    assert note.message.startswith(said)
    assert note.start is not None


def test_the_same_words_at_another_time_are_others() -> None:
    new = segments("um yes", shift=60.0)
    kept = keep(new, [stretch("um yes", "yes")])
    assert texts(kept) == ["um yes"]
    # and of several the nearest is meant
    assert texts(keep(segments("um yes um no"), [stretch("um no", "no", 2.0)])) == ["um yes no"]


def test_inserted_words_stay_with_their_neighbours() -> None:
    assert texts(keep(segments("one three"), [stretch("one three", "one two three")])) == ["one two three"]
    assert texts(keep(segments("two three"), [stretch("two three", "one two three")])) == ["one two three"]
    around = keep(segments("two five", "six"), [stretch("two five six", "one two three four five seven six")])
    assert texts(around) == ["one two three four five seven", "six"]
    assert around.notes == []


def test_a_deleted_line_is_deleted_again() -> None:
    kept = keep(segments("good morning", "thanks for watching", "bye"), [stretch("thanks for watching", "", 2.0)])
    assert texts(kept) == ["good morning", None, "bye"]
    assert texts(keep(segments("good morning thanks for watching"), [stretch("thanks for watching", "", 2.0)])) == [
        "good morning"
    ]


def test_two_corrections_do_not_take_the_same_words() -> None:
    kept = keep(segments("a b"), [stretch("a", "x"), stretch("a", "y")])
    assert texts(kept) == ["x b"]
    assert len(kept.notes) == 1


def test_segments_that_were_divided_by_hand_are_said() -> None:
    divided = Stretch(Span(0, 2), words("a b"), words("a b"), MOMENT, is_divided=True)
    kept = keep(segments("a b"), [divided])
    assert texts(kept) == ["a b"]
    assert "split or joined" in kept.notes[0].message
