import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.transcript.participants import MAX_CLEAN_SPEECH_S, MIN_PIECE_S, clean_speech, speech_seconds
from pipeline.types import Diarization, Span, Turn


def diarization(*turns: tuple[float, float, str]) -> Diarization:
    return Diarization(tuple(Turn(*turn) for turn in turns), ())


def test_overlapped_speech_is_left_out() -> None:
    talk = diarization((0, 10, "A"), (4, 5, "B"), (20, 22, "A"), (21, 30, "B"))
    assert clean_speech(talk, "A") == [Span(0, 4), Span(5, 10), Span(20, 21)]
    assert clean_speech(talk, "B") == [Span(22, 30)]


def test_short_pieces_are_left_out() -> None:
    talk = diarization((0, 0.4, "A"), (1, 2, "A"), (5, 6, "B"), (5.3, 6.2, "A"))
    assert clean_speech(talk, "A") == [Span(1, 2)]


def test_nothing_clean_gives_nothing() -> None:
    assert clean_speech(diarization((0, 10, "A"), (0, 10, "B")), "A") == []
    assert clean_speech(diarization((0, 10, "A")), "nobody") == []


def test_the_longest_pieces_are_taken_until_there_is_enough() -> None:
    talk = diarization((0, 3, "A"), (10, 30, "A"), (40, 52, "A"))
    assert clean_speech(talk, "A") == [Span(10, 30), Span(40, 50)]


def test_speech_counts_overlaps_too() -> None:
    assert speech_seconds(diarization((0, 10, "A"), (4, 5, "B"), (20, 22, "A")).turns, "A") == pytest.approx(12)


times = st.floats(0, 100).map(lambda time: round(time, 2))
turns = st.lists(st.tuples(times, times, st.sampled_from("AB")).filter(lambda t: t[0] < t[1]), max_size=20)


@given(turns)
def test_clean_speech_is_the_speakers_alone_and_bounded(found: list[tuple[float, float, str]]) -> None:
    talk = diarization(*found)
    pieces = clean_speech(talk, "A")
    assert sum(piece.duration for piece in pieces) <= MAX_CLEAN_SPEECH_S + 1e-6
    assert all(piece.duration >= MIN_PIECE_S for piece in pieces)
    for piece in pieces:
        assert any(turn.start <= piece.start and piece.end <= turn.end for turn in talk.turns if turn.speaker == "A")
        assert not any(turn.start < piece.end and piece.start < turn.end for turn in talk.turns if turn.speaker == "B")
