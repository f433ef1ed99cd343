import pytest
from faster_whisper.tokenizer import _LANGUAGE_CODES

from pipeline.languages import LANGUAGES, language_code


def test_they_are_whispers() -> None:
    assert set(_LANGUAGE_CODES) == LANGUAGES


def test_a_code_is_read_as_people_write_it() -> None:
    assert language_code(" EN ") == "en"


@pytest.mark.parametrize("text", ["english", "", "xx", "en-US", "../../etc"])
def test_anything_else_is_refused_with_a_remedy(text: str) -> None:
    with pytest.raises(ValueError, match="two letters"):
        language_code(text)
