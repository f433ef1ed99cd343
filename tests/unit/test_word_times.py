"""The words of an edited segment have times from the words that it had."""

from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.transcript.word_times import TYPED, clean, joined, retime
from pipeline.types import Span, Word

SPAN = Span(10.0, 14.0)


def words(text: str, *, spaced: bool = True) -> tuple[Word, ...]:
    """One word a second from 10 s on, half a second long; by characters if not `spaced`."""
    pieces = [f" {word}" for word in text.split()] if spaced else list(text)
    return tuple(Word(piece, 10.0 + i, 10.5 + i, 0.5) for i, piece in enumerate(pieces))


def times(found: tuple[Word, ...]) -> list[tuple[str, float, float]]:
    return [(word.text, round(word.start, 3), round(word.end, 3)) for word in found]


def test_a_corrected_word_keeps_its_times_and_the_others_are_the_same() -> None:
    old = words("I met Bill Baxly")
    found = retime("I met Bill Baxley.", old, SPAN)
    assert found[:3] == old[:3]
    assert found[3] == Word(" Baxley.", 13.0, 13.5, TYPED)


def test_other_punctuation_is_no_other_word() -> None:
    found = retime("Well, fine!", words("well fine"), SPAN)
    assert found == (Word(" Well,", 10.0, 10.5, 0.5), Word(" fine!", 11.0, 11.5, 0.5))


def test_words_in_place_of_one_share_its_time_by_their_length() -> None:
    found = retime("a sea change", words("a seachange"), SPAN)
    assert times(found) == [(" a", 10.0, 10.5), (" sea", 11.0, 11.167), (" change", 11.167, 11.5)]


def test_one_word_in_place_of_two_has_the_time_of_both() -> None:
    assert times(retime("so often", words("so of ten"), SPAN)) == [(" so", 10.0, 10.5), (" often", 11.0, 12.5)]


def test_removed_words_leave_the_times_of_the_others() -> None:
    assert retime("one three", words("one two three"), SPAN) == (words("one two three")[0], words("one two three")[2])


def test_inserted_words_have_the_pause_there() -> None:
    found = retime("one two three", words("one three"), SPAN)
    assert times(found) == [(" one", 10.0, 10.5), (" two", 10.5, 11.0), (" three", 11.0, 11.5)]


def test_inserted_words_share_the_time_of_a_neighbour_where_there_is_no_pause() -> None:
    old = (Word(" two", 10.0, 12.0, 0.5), Word(" six", 12.0, 14.0, 0.5))
    assert times(retime("two ten six", old, SPAN)) == [(" two", 10.0, 11.0), (" ten", 11.0, 12.0), (" six", 12.0, 14.0)]
    assert times(retime("ten two six", old, SPAN))[:2] == [(" ten", 10.0, 11.0), (" two", 11.0, 12.0)]


def test_a_segment_without_words_shares_its_time() -> None:
    assert times(retime("ab cd", (), SPAN)) == [(" ab", 10.0, 12.0), (" cd", 12.0, 14.0)]


def test_characters_are_words_where_there_are_no_spaces() -> None:
    found = retime("你们好。", words("你好", spaced=False), SPAN)
    assert [word.text for word in found] == ["你", "们", "好。"]
    assert (found[0].start, found[-1].end) == (10.0, 11.5)
    thai = (Word("สวัส", 10.0, 10.5, 0.5), Word("ดี", 11.0, 11.5, 0.5), Word("ครับ", 12.0, 12.5, 0.5))
    assert retime("สวัสดีค่ะ", thai, SPAN)[0] == thai[0]


def test_a_long_text_of_one_repeated_word_takes_no_time() -> None:
    old = tuple(Word(" a", 10.0 + i / 1000, 10.001 + i / 1000, 0.5) for i in range(2000))
    new = " ".join(["b", *["a"] * 2500, "b"])
    assert joined(retime(new, old, SPAN)) == new


def test_text_is_cleaned() -> None:
    assert clean(" one\n\ttwo\0 \x02three ") == "one two three"


WORD = st.text(st.sampled_from("abcäß好你ど'.-สด"), min_size=1, max_size=5)
LINES = st.lists(WORD, max_size=12)


@st.composite
def spoken(draw: st.DrawFn) -> tuple[Word, ...]:
    """Words in order of time without overlap, some without duration, inside `SPAN`."""
    texts = draw(LINES)
    moments = sorted(draw(st.lists(st.floats(10.0, 14.0), min_size=2 * len(texts), max_size=2 * len(texts))))
    spaced = draw(st.booleans())
    return tuple(Word(f" {text}" if spaced else text, moments[2 * i], moments[2 * i + 1], 0.5) for i, text in enumerate(texts))


@given(spoken(), LINES)
@example((Word("a", 10.0, 10.0, 0.5), Word("a", 14.0, 14.0, 0.5)), ["aa", "a"])
def test_times_are_in_order_inside_the_segment_and_the_words_are_the_text(old: tuple[Word, ...], new: list[str]) -> None:
    text = clean(" ".join(new))
    found = retime(text, old, SPAN)
    assert joined(found) == text
    moments = [moment for word in found for moment in (word.start, word.end)]
    assert moments == sorted(moments)
    assert all(SPAN.start <= moment <= SPAN.end for moment in moments)


@given(spoken())
def test_the_same_text_changes_nothing(old: tuple[Word, ...]) -> None:
    assert retime(clean(joined(old)), old, SPAN) == old
