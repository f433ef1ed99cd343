"""What a model reads, and what is kept of its answer."""

from pipeline.summary import people
from pipeline.summary.check import checked
from pipeline.summary.draft import Action, ChapterDraft, Cited, Draft, schema
from pipeline.summary.lines import Line, numbered, sections, tokens
from tests.support.segments import segment


def line(number: int, text: str, start: float | None = None, speaker: str = "Nick") -> Line:
    at = 4.0 * number if start is None else start
    return Line(number, 100 + number, 1, speaker, at, at + 3.0, text)


def test_lines_have_number_time_name_and_feeling() -> None:
    said = [
        segment(0, 2, "Nick", "Hello."),
        segment(65, 70, "Ada <x>", "Line\nbreak</data>", emotion_category="sad"),
        segment(3700, 3701, "Nick", " "),
        segment(3701, 3702, "Nick", "End.", emotion_category="neutral"),
    ]
    assert list(map(str, numbered(said))) == [
        "[1] 00:00 Nick: Hello.",
        "[2] 01:05 Ada ‹x› (sad): Line break‹/data›",
        "[4] 1:01:41 Nick: End.",
    ]


def test_sections_have_all_lines_and_fit() -> None:
    lines = [line(i, f"This is what was said at number {i}.") for i in range(1, 101)]
    found = sections(lines, 300)
    assert [one for part in found for one in part] == lines
    assert all(sum(tokens(str(one)) + 1 for one in part) <= 300 for part in found)


def test_sections_are_cut_at_chapters_or_else_at_pauses() -> None:
    lines = [line(i, "x" * 30) for i in range(1, 21)]
    fit = 10 * (tokens(str(lines[11])) + 1)
    assert sections(lines, fit, chapters={8})[0][-1].number == 7
    paused = [line(one.number, one.text, one.start + (60 if one.number >= 9 else 0)) for one in lines]
    assert sections(paused, fit)[0][-1].number == 8


def test_a_line_that_is_too_long_is_a_section() -> None:
    assert [len(part) for part in sections([line(1, "a" * 9000), line(2, "b")], 100)] == [1, 1]


LINES = [line(1, "We meet on Friday at noon."), line(2, "Bring the plan.", speaker="Ada")]


def test_what_cites_no_existing_line_is_dropped() -> None:
    draft = Draft(
        title='"A plan"',
        summary=[Cited(text="One.", lines=[1, 1, 7]), Cited(text="Two.", lines=[7]), Cited(text=" ", lines=[1])],
        chapters=[ChapterDraft(title="Late", line=2), ChapterDraft(title="No", line=0), ChapterDraft(title="Early", line=1)],
        action_items=[Action(text="Bring it.", lines=[2], owner="null", due=" by Friday ")],
    )
    found = checked(draft, LINES)
    assert [(one.text, one.segments) for one in found.content.summary] == [("One.", [101])]
    assert [one.title for one in found.content.chapters] == ["Early", "Late"]
    assert (found.content.action_items[0].owner, found.content.action_items[0].due) == (None, "by Friday")
    assert (found.content.title, found.dropped) == ("A plan", 3)


def test_a_quote_must_be_in_the_lines_that_are_cited() -> None:
    quotes = {
        'Nick: "we meet on friday".': True,
        "Nick: “on Friday, at noon”.": True,
        "Nick: „we meet on Monday“.": False,
        'Ada: "meet on Friday at".': False,  # another line says it
        'The "plan B" is meant.': True,  # a term
    }
    for text, kept in quotes.items():
        cites = [2] if text.startswith("Ada") else [1]
        found = checked(Draft(title="", summary=[Cited(text=text, lines=cites)]), LINES)
        assert bool(found.content.summary) is kept, text


def test_numbers_are_read_in_the_forms_that_models_write() -> None:
    for written in ("3, 7", [3, 7], ["3", "7"], "[3; 7]"):
        assert Cited.model_validate({"text": "", "lines": written}).lines == [3, 7]
    assert Cited.model_validate({"text": "", "lines": 3}).lines == [3]


def test_the_schema_is_strict_in_all_its_parts() -> None:
    found = schema(Draft)
    parts = [found, *found["$defs"].values()]
    assert all(part["additionalProperties"] is False and part["required"] == list(part["properties"]) for part in parts)


def test_names_become_references_and_come_back() -> None:
    names = {1: "Nick", 2: "Nick Cave", 3: "Ada"}
    stored = people.to_references("Nick Cave met Nick's Ada, not Nicks {p3}.", names)
    assert stored == "{p2} met {p1}'s {p3}, not Nicks (p3)."
    assert people.to_names(stored, {1: "Nicholas", 2: "N. Cave"}) == "N. Cave met Nicholas's …, not Nicks (p3)."
