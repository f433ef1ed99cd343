import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.formats.export import to_rttm
from pipeline.formats.rttm import parse, speakers_of
from pipeline.types import Span, Turn


def row(start: str, duration: str, speaker: str = "ann", recording: str = "call") -> str:
    return f"SPEAKER {recording} 1 {start} {duration} <NA> <NA> {speaker} <NA> <NA>"


milliseconds = st.integers(0, 10**7).map(lambda n: n / 1000)


@given(
    st.lists(
        st.builds(
            lambda start, length, who: Turn(start, start + length, who),
            milliseconds,
            milliseconds.filter(bool),
            st.sampled_from(["ann", "bob"]),
        ),
        min_size=1,
    )
)
def test_what_is_exported_reads_back(turns: list[Turn]) -> None:
    read = parse(to_rttm(turns, "call"))
    assert [turn.start for turn in read] == sorted(turn.start for turn in read)
    rounded = sorted((round(t.start, 3), round(t.end - t.start, 3), t.speaker) for t in turns)
    assert sorted((round(t.start, 3), round(t.end - t.start, 3), t.speaker) for t in read) == rounded


def test_other_rows_are_ignored() -> None:
    assert parse(f"SPKR-INFO call 1 <NA> <NA> <NA> unknown ann <NA>\n\n;; a comment\n{row('1', '2')}") == [Turn(1, 3, "ann")]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no SPEAKER row"),
        ("SPEAKER call 1 0.5", "Row 1 is not RTTM"),
        (row("1", "2") + "\n" + row("one", "2"), "Row 2 is not RTTM"),
        (row("-1", "2"), "before the recording"),
        (row("nan", "2"), "Row 1"),
        (row("1", "-2"), "ends before"),
        (row("1", "inf"), "Row 1"),
        (row("1", "2", "x" * 201), "longer than 200"),
        (row("1", "2") + "\n" + row("1", "2", recording="other"), "2 recordings"),
    ],
)
def test_what_is_not_the_rttm_of_one_recording_is_refused(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse(text)


def test_a_segment_belongs_to_the_turn_with_the_largest_overlap() -> None:
    turns = [Turn(0, 4, "ann"), Turn(3, 10, "bob"), Turn(20, 21, "ann")]
    spans = [Span(0, 5), Span(3, 8), Span(19, 21), Span(18, 21), Span(12, 14), Span(5, 5)]
    assert speakers_of(turns, spans) == ["ann", "bob", "ann", None, None, None]
    assert speakers_of([], [Span(0, 1)]) == [None]
