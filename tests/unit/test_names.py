"""Names that differ in Unicode form, letter case, spacing or invisible characters alone are one name."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from pipeline.names import MAX_CHARS, MaybeName, Name, key, spelling, visible

NAME = TypeAdapter(Name)
MAYBE = TypeAdapter(MaybeName)

INVISIBLE = {
    "zero width space": "\u200b",
    "zero width joiner": "\u200d",
    "zero width non-joiner": "\u200c",
    "word joiner": "\u2060",
    "byte order mark": "\ufeff",
    "soft hyphen": "\u00ad",
    "left-to-right mark": "\u200e",
    "right-to-left override": "\u202e",
    "isolate": "\u2068",
    "Arabic letter mark": "\u061c",
    "combining grapheme joiner": "\u034f",
    "Hangul filler": "\u3164",
    "Mongolian vowel separator": "\u180e",
    "variation selector": "\ufe0f",
    "tag": "\U000e0041",
    "empty Braille pattern": "\u2800",
}


@pytest.mark.parametrize("character", INVISIBLE.values(), ids=INVISIBLE.keys())
def test_an_invisible_character_makes_no_other_name(character: str) -> None:
    for written in (f"{character}Zoë", f"Zo{character}ë", f"Zoë{character}", f" {character} Zoë"):
        assert NAME.validate_python(written) == spelling(written) == "Zoë"
    with pytest.raises(ValidationError, match="no visible character: give another name"):
        NAME.validate_python(character)
    with pytest.raises(ValidationError, match="no visible character"):
        MAYBE.validate_python(f" {character} {character}")


@pytest.mark.parametrize(
    "space", ["  ", "\u00a0", "\u2003", "\u202f", "\u3000", " \u00a0 "], ids=lambda text: unicodedata.name(text[-1])
)
def test_the_amount_and_kind_of_spaces_make_no_other_name(space: str) -> None:
    assert NAME.validate_python(f"{space}Ana{space}Ruiz{space}") == "Ana Ruiz"


@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC", "NFKD"])
@pytest.mark.parametrize("name", ["José Núñez", "Nguyễn Thị Ánh", "김철수", "ГЕЙ Ё", "ﬁona", "Ｋｅｎ"])
def test_all_forms_of_a_name_are_one(name: str, form: str) -> None:
    written = unicodedata.normalize(form, name)  # type: ignore[arg-type]
    assert key(written) == key(name) == key(written.upper()) == key(written.lower())
    if form in ("NFC", "NFD"):
        assert spelling(written) == unicodedata.normalize("NFC", name)


@pytest.mark.parametrize(
    "name",
    ["علی\u200cرضا", "ශ්\u200dරී", "👩\u200d🔬 Ada", "❤\ufe0f", "渡邉\U000e0100", "മോഹന്\u200d"],
    ids=["Persian", "Sinhala", "emoji", "heart", "Japanese", "Malayalam"],
)
def test_joiners_and_selectors_that_shape_a_name_are_kept(name: str) -> None:
    assert spelling(name) == unicodedata.normalize("NFC", name)
    assert key(name) == key(name.replace("\u200c", "").replace("\u200d", "").replace("\ufe0f", "").replace("\U000e0100", ""))


@pytest.mark.parametrize(("one", "other"), [("Weiß", "Weiss"), ("Zoe", "Zoë"), ("Ana-Ruiz", "Ana Ruiz"), ("Jo", "J o")])
def test_other_names_are_others(one: str, other: str) -> None:
    assert key(one) != key(other)


@pytest.mark.parametrize(
    "name", ["", "   ", "\u00a0", "a\0b", "tab\there", "\ud800", "x" * (MAX_CHARS + 1), "\ufb2c" * MAX_CHARS]
)
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        NAME.validate_python(name)


def test_an_empty_name_is_none() -> None:
    assert MAYBE.validate_python("") == MAYBE.validate_python(" \u00a0 ") == ""


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"])))
def test_a_spelling_is_spelled_as_it_is(text: str) -> None:
    once = spelling(text)
    assert spelling(once) == once
    assert key(once) == key(text)
    assert visible(visible(text)) == visible(text)
