"""Chapters, key phrases and titles that need no language model."""

from datetime import UTC, datetime

import numpy as np

from pipeline.summary.chapters import MAX_CHAPTERS, MIN_LINES, chapters
from pipeline.summary.phrases import key_phrases
from pipeline.summary.titles import title

BEGUN = datetime(2026, 3, 1, 12, tzinfo=UTC)


def subjects(*lengths: int, noise: float = 0.6) -> np.ndarray:
    """Vectors of lines about one subject after the other."""
    random = np.random.default_rng(3)
    rows = [np.eye(16)[i % 16] + random.normal(scale=noise / 4, size=16) for i, n in enumerate(lengths) for _ in range(n)]
    return np.array(rows, np.float32)


def test_chapters_begin_where_the_subject_changes() -> None:
    assert chapters(subjects(30, 25, 40)) == [0, 30, 55]


def test_a_conversation_about_one_subject_or_a_short_one_has_one_chapter() -> None:
    assert chapters(subjects(2 * MIN_LINES - 1)) == [0]
    assert chapters(subjects(10, 10)) == [0]
    assert chapters(np.zeros((0, 16), np.float32)) == []


def test_chapters_are_not_short_and_not_many() -> None:
    found = chapters(subjects(*[15, 3, 20] * 40))
    assert len(found) <= MAX_CHAPTERS
    assert min(np.diff(found)) >= MIN_LINES


def test_lines_without_vectors_are_left_out() -> None:
    vectors = subjects(30, 30)
    vectors[3::4] = 0
    [first, second] = chapters(vectors)
    assert (first, abs(second - 30) <= 2) == (0, True)


def test_key_phrases_are_what_recurs_in_one_chapter() -> None:
    court = ["The statute of limitations had run out.", "Which statute of limitations?", "He is a circuit judge, you know."]
    art = ["I know the museum.", "The museum has a circuit of its own, you know.", "You know, it is closed."]
    found = key_phrases([court, art], 2)
    assert found[0][0] == "statute of limitations"
    assert found[1] == ["museum"]


def test_a_title_says_who_and_what_about() -> None:
    lines = [("Bill", "Sixteenth Street was where the statute of limitations mattered."), (None, "Yes, on Sixteenth Street.")]
    lines += [("Ann", "The statute of limitations, you mean?")]
    assert title(lines * 6, BEGUN) == "Bill, Ann: statute of limitations, Sixteenth Street (2026-03-01)"


def test_too_little_has_no_title() -> None:
    assert title([("Bill", "Hello, hello, parrot, parrot.")] * (MIN_LINES - 1), BEGUN) is None
    assert title([("Bill", "Yes."), ("Ann", "No.")] * MIN_LINES, BEGUN) is None
