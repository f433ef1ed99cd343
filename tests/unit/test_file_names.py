"""Names of exported files."""

import pytest

from pipeline.formats.file_names import file_name


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Planning", "Planning (7).srt"),
        (None, "Conversation (7).srt"),
        ("", "Conversation (7).srt"),
        ("..", "Conversation (7).srt"),
        ("../../etc/passwd", "etc passwd (7).srt"),
        ("C:\\temp\\a", "C temp a (7).srt"),
        ('a<b>:"c|d?*', "a b c d (7).srt"),
        ("a\nb\0c\x7f", "a b c (7).srt"),
        ("\u202egnp.exe", "gnp.exe (7).srt"),
        ("-rf", "rf (7).srt"),
        ("CON", "CON (7).srt"),
        ("Besprechung über Österreich", "Besprechung über Österreich (7).srt"),
        ("会議", "会議 (7).srt"),
        ("ends. ", "ends (7).srt"),
        ("\ud800", "Conversation (7).srt"),
    ],
)
def test_a_name_is_safe_on_every_system(title: str | None, expected: str) -> None:
    assert file_name(title, 7, "srt") == expected


def test_long_titles_are_cut_between_characters() -> None:
    name = file_name("会" * 500, 2**31 - 1, "json")
    assert name.startswith("会会")
    assert len(name.encode()) <= 255
