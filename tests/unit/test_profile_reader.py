"""Reading profile files member by member: the same as all at once, for any JSON, and refused where that is refused."""

import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.formats.profile_reader import ARRAYS, MIN_WINDOW_CHARS, NotAProfileError, NotJsonError, check_characters, read

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
files = st.fixed_dictionaries(
    {"speakers": st.lists(values)},
    optional={"participants": st.lists(values), "segments": st.lists(values), "name": values, "x" * 5000: values},
)


def gathered(text: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in read(text):
        if key in ARRAYS:
            found.setdefault(key, []).append(value)
        else:
            found[key] = value
    return found


@given(files, st.booleans(), st.sampled_from([None, 2]))
def test_the_members_are_those_of_the_whole(file: dict[str, Any], ascii_only: bool, indent: int | None) -> None:
    text = json.dumps(file, ensure_ascii=ascii_only, indent=indent)
    assert gathered(f" {text}\n") == {key: value for key, value in file.items() if key not in ARRAYS or value}


@pytest.mark.parametrize("size", [10, MIN_WINDOW_CHARS - 3, MIN_WINDOW_CHARS, 5 * MIN_WINDOW_CHARS, 10**6])
def test_entries_may_be_of_any_length(size: int) -> None:
    entries = ["x" * size, {"a": [1.5] * size}, 7, [], "x" * size]
    assert gathered(json.dumps({"name": "n" * size, "speakers": entries, "segments": entries})) == {
        "name": "n" * size,
        "speakers": entries,
        "segments": entries,
    }


@given(files, st.data())
def test_what_is_cut_off_is_no_json(file: dict[str, Any], data: st.DataObject) -> None:
    text = json.dumps(file)
    end = data.draw(st.integers(0, len(text) - 1))
    with pytest.raises(NotJsonError):
        list(read(text[:end]))


@pytest.mark.parametrize(
    "text",
    [
        '{"speakers": [1,]}', '{"speakers": [1 2]}', '{"speakers": [,]}', '{"speakers": []} x', '{"speakers": [],}',
        '{speakers: []}', '{1: 2, "speakers": []}', '{"speakers" []}', '{"speakers": [Infinity]}', '{"a": -NaN}', "[1] 2",
        '{"speakers": [' + "[" * 100_000, "[" * 100_000, '{"speakers": ["\t"]}',
    ],
)  # fmt: skip
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(NotJsonError):
        list(read(text))


@pytest.mark.parametrize(
    "text",
    [
        "{}", "[]", "null", '{"speakers": {}}', '{"speakers": [], "segments": null}', '{"speakers": [], "speakers": []}',
        json.dumps({f"key {i}": i for i in range(2000)} | {"speakers": []}),
    ],
)  # fmt: skip
def test_what_has_no_arrays_is_no_profile(text: str) -> None:
    with pytest.raises(NotAProfileError):
        list(read(text))


@given(st.text())
def test_characters_that_can_be_stored_pass(text: str) -> None:
    written = json.dumps(text)
    if "\0" in text:
        with pytest.raises(NotJsonError):
            check_characters(written)
    else:
        check_characters(written)


@pytest.mark.parametrize("escape", [r"\u0000", r"\\\u0000", r"\ud800", r"\udc00\ud800", r"\ud83dx", r"\uD83D\u0041"])
def test_characters_that_cannot_be_stored_are_refused(escape: str) -> None:
    with pytest.raises(NotJsonError):
        check_characters(f'{{"name": "{escape}"}}')


@pytest.mark.parametrize("escape", [r"\\u0000", r"\\ud800", r"\ud83d\ude00", r"\u00e4", r"\n"])
def test_escapes_that_can_be_stored_pass(escape: str) -> None:
    check_characters(f'{{"name": "{escape}"}}')


def test_a_file_of_empty_entries_takes_no_memory_beside_its_text() -> None:
    text = '{"speakers": [' + ",".join(["[]"] * 100_000) + "]}"
    tracemalloc.start()
    try:
        assert sum(1 for _ in read(text)) == 100_000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2**20  # as a whole: 6.4 MB
