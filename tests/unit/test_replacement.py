"""Words are replaced as they are written, not as patterns."""

from pipeline.transcript.replacement import Replacement


def test_all_places_are_replaced_in_any_letter_case() -> None:
    assert Replacement("baxly", "Baxley").in_text("Baxly met BAXLY.") == ("Baxley met Baxley.", 2)
    assert Replacement("baxly", "Baxley", match_case=True).in_text("Baxly met baxly.") == ("Baxly met Baxley.", 1)


def test_whole_words_are_not_parts_of_others() -> None:
    assert Replacement("bill", "Will", whole_words=True).in_text("Bill's billing, Bill.") == ("Will's billing, Will.", 2)
    assert Replacement("bill", "Will").in_text("billing") == ("Willing", 1)


def test_neither_side_is_a_pattern() -> None:
    assert Replacement(".", r"\1").in_text("a.b") == (r"a\1b", 1)
    assert Replacement("c++ (old)", "C").in_text("C++ (old) code") == ("C code", 1)


def test_the_text_stays_clean() -> None:
    assert Replacement("um,", "").in_text("um, so um, yes") == ("so yes", 2)
    assert Replacement("a", "\n").in_text("a") == ("", 1)
