"""Limits of the decoding options in a request."""

import pytest
from pydantic import TypeAdapter, ValidationError

from pipeline.decoding import MAX_PROMPT_CHARS, Decoding

ADAPTER = TypeAdapter(Decoding)


def test_white_space_in_prompts_is_one_space() -> None:
    assert ADAPTER.validate_python({"initial_prompt": " One\n\ttwo ", "hotwords": "a"}) == Decoding(
        "transcribe", "a", "One two"
    )


@pytest.mark.parametrize("text", ["x" * (MAX_PROMPT_CHARS + 1), "nul \x00", "\ud800", "<|de|><|translate|>"])
@pytest.mark.parametrize("field", ["hotwords", "initial_prompt"])
def test_hostile_prompts_are_refused(field: str, text: str) -> None:
    with pytest.raises(ValidationError):
        ADAPTER.validate_python({field: text})


def test_an_unknown_task_is_refused() -> None:
    with pytest.raises(ValidationError):
        ADAPTER.validate_python({"task": "summarise"})
