"""Check what a language model answered: every statement must cite lines that exist, and what it quotes must be in them."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from pipeline.summary.content import ActionItem, Chapter, Content, Statement
from pipeline.summary.draft import Action, ChapterDraft, Cited, Draft, Facts
from pipeline.summary.lines import Line, flat

T = TypeVar("T")

MAX_TITLE_CHARS = 120
MAX_TEXT_CHARS = 1000
MAX_STATEMENTS = 50
"""In each list."""
MAX_CITATIONS = 20
"""Of a statement."""
MIN_QUOTED_WORDS = 3
"""Shorter quotes are terms, not speech."""
_QUOTES = re.compile(r"\"([^\"]+)\"|“([^”]+)”|„([^“”]+)[“”]|«([^»]+)»|‹([^›]+)›")
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Checked:
    content: Content
    dropped: int
    """Statements and chapters that were left out."""


def checked(draft: Draft, lines: Sequence[Line]) -> Checked:
    """The content of a draft that was made of these lines."""
    check = _Check(lines)
    content = Content(
        title=_title(draft.title),
        summary=check.statements(draft.summary),
        chapters=check.chapters(draft.chapters),
        decisions=check.statements(draft.decisions),
        action_items=check.actions(draft.action_items),
        questions=check.statements(draft.questions),
    )
    return Checked(content, check.dropped)


def statements(drafted: Sequence[Cited], lines: Sequence[Line]) -> tuple[list[Statement], int]:
    """The statements that cite some of the lines, and how many do not."""
    check = _Check(lines)
    return check.statements(drafted), check.dropped


def within(facts: Facts, lines: Sequence[Line]) -> Facts:
    """The facts of a section that cite lines of it."""
    numbers = {line.number for line in lines}
    kept = [fact.model_copy(update={"lines": cited}) for fact in facts.facts if (cited := _existing(fact.lines, numbers))]
    return Facts(topics=[topic for topic in facts.topics if topic.line in numbers], facts=kept)


class _Check:
    def __init__(self, lines: Sequence[Line]) -> None:
        self._lines: Mapping[int, Line] = {line.number: line for line in lines}
        self.dropped = 0

    def statements(self, drafted: Sequence[Cited]) -> list[Statement]:
        found = [Statement(text=text, segments=ids) for one in drafted if (text := _text(one)) and (ids := self._cited(one))]
        return self._kept(drafted, found)

    def actions(self, drafted: Sequence[Action]) -> list[ActionItem]:
        found = [
            ActionItem(text=text, segments=ids, owner=_short(one.owner), due=_short(one.due))
            for one in drafted
            if (text := _text(one)) and (ids := self._cited(one))
        ]
        return self._kept(drafted, found)

    def chapters(self, drafted: Sequence[ChapterDraft]) -> list[Chapter]:
        """In order of time, one for each line."""
        titles = {one.line: title for one in drafted if one.line in self._lines and (title := _title(one.title))}
        found = [Chapter(title=titles[number], segment=self._lines[number].segment_id) for number in sorted(titles)]
        return self._kept(drafted, found)

    def _cited(self, one: Cited) -> list[int]:
        """Ids of the segments; none where a quote is in none of them."""
        numbers = _existing(one.lines, self._lines)[:MAX_CITATIONS]
        said = f" {' '.join(_words(' '.join(self._lines[number].text for number in numbers)))} "
        quotes = [_words("".join(found)) for found in _QUOTES.findall(one.text)]
        if any(len(quote) >= MIN_QUOTED_WORDS and f" {' '.join(quote)} " not in said for quote in quotes):
            return []
        return [self._lines[number].segment_id for number in numbers]

    def _kept(self, drafted: Sequence[object], found: list[T]) -> list[T]:
        kept = found[:MAX_STATEMENTS]
        self.dropped += len(drafted) - len(kept)
        return kept


def _existing(numbers: Sequence[int], lines: Collection[int]) -> list[int]:
    return [number for number in dict.fromkeys(numbers) if number in lines]


def _text(one: Cited) -> str:
    return flat(one.text)[:MAX_TEXT_CHARS]


def _title(text: str) -> str:
    return flat(text).strip("\"'“”*# ")[:MAX_TITLE_CHARS]


def _short(text: str | None) -> str | None:
    return (flat(text)[:MAX_TITLE_CHARS] or None) if text else None


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())
