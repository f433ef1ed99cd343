"""Speech that a transcription leaves out."""

from pipeline.transcript.gaps import fill, gaps, gaps_of_all
from pipeline.types import Span, Utterance, Word

WINDOW = Span(10.0, 40.0)


def utterance(*words: Word) -> Utterance:
    return Utterance(words, -0.2, "en")


def word(text: str, start: float, end: float) -> Word:
    return Word(text, start, end, 0.9)


def texts(found: list[Utterance]) -> list[str]:
    return ["".join(each.text for each in one.words) for one in found]


def test_a_window_that_begins_late_pauses_and_ends_early_has_three_gaps() -> None:
    said = [utterance(word(" a", 14, 14.5), word(" b", 16, 16.5)), utterance(word(" c", 20, 21))]
    assert gaps(WINDOW, said) == [Span(10.0, 14), Span(16.5, 20), Span(21, 40.0)]


def test_pauses_are_no_gaps_and_a_window_without_words_is_one() -> None:
    assert gaps(Span(0, 5), [utterance(word(" a", 0, 1), word(" b", 3.5, 4.5))]) == []
    assert gaps(WINDOW, []) == [WINDOW]


def test_a_word_that_is_stretched_over_speech_leaves_a_gap() -> None:
    said = [utterance(word(" first", 10, 20), word(" last", 20, 30), word(" end", 39, 40))]
    assert gaps(WINDOW, said) == [Span(10.0, 18.0), Span(22.0, 39)]


def test_the_gaps_of_a_recording_lie_in_and_between_its_windows() -> None:
    first, last = Span(4.0, 30.0), Span(32.0, 60.0)
    said = utterance(*(word(" a", second, second + 1.0) for second in range(5, 20)))
    end = utterance(*(word(" b", second, second + 1.0) for second in range(34, 59)))
    assert gaps_of_all(61.0, [(first, [said]), (last, [end])]) == [Span(0.0, 5), Span(20.0, 34)]
    assert gaps_of_all(70.0, [(first, [said]), (last, [])]) == [Span(0.0, 5), Span(20.0, 70.0)]
    assert gaps_of_all(10.0, []) == [Span(0.0, 10.0)]
    assert gaps_of_all(2.0, []) == []
    failed = Span(4.0, 30.0)
    assert gaps_of_all(61.0, [(failed, None), (last, [end])]) == [Span(0.0, 4.0), Span(30.0, 34)]


def test_what_is_found_in_a_gap_is_put_in_its_place() -> None:
    said = [utterance(word(" a", 10, 11), word(" b", 11, 30), word(" c", 30, 31))]
    (gap,) = gaps(Span(10, 31), said)
    filled = fill(said, gap, [utterance(word(" x", 15, 16))])
    assert texts(filled) == [" a b", " x", " c"]
    times = [time for one in filled for each in one.words for time in (each.start, each.end)]
    assert times == sorted(times)
    assert fill(said, gap, []) == said
