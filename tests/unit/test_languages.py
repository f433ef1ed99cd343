import pytest
from faster_whisper.tokenizer import _LANGUAGE_CODES

from pipeline.languages import ALIASES, LANGUAGES, chosen_language, language_code


def test_they_are_whispers() -> None:
    assert set(_LANGUAGE_CODES) == LANGUAGES


def test_names_are_of_codes() -> None:
    assert set(ALIASES.values()) == LANGUAGES


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (" EN ", "en"),
        ("en-US", "en"),
        ("zh-CN", "zh"),
        ("zh_Hant_TW", "zh"),
        ("English", "en"),
        ("jp", "ja"),
        ("jv", "jw"),
        ("Haitian  creole", "ht"),
        ("yue-HK", "yue"),
        ("Deutsch", "de"),
        ("AUTO", "auto"),
    ],
)
def test_a_language_is_read_as_people_write_it(text: str, code: str) -> None:
    assert language_code(text) == code


@pytest.mark.parametrize("text", ["klingon", "", "xx", "-US", "../../etc", "e" * 10_000])
def test_anything_else_is_refused_with_a_remedy(text: str) -> None:
    with pytest.raises(ValueError, match="two letters") as refused:
        language_code(text)
    assert len(str(refused.value)) < 200


def test_auto_detects_where_the_settings_have_a_language() -> None:
    assert chosen_language("auto", "de") is None
    assert [chosen_language(asked, "de") for asked in (None, "", "en")] == ["de", "de", "en"]
