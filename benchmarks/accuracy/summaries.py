"""How good the summaries and answers of a language model are, on conversations with known facts.

    LLM_URL=http://127.0.0.1:11434/v1 LLM_MODEL=qwen3:8b python -m benchmarks.accuracy.summaries

It prints which share of the statements cites lines that exist, how many of the known facts a summary has with the right line,
how many questions are answered with the right line, and how many questions that nothing answers are refused. The conversations
are below, in English and German, so that anybody can repeat it; LLM_CONTEXT_TOKENS makes the model read them in sections.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.summary import check, prompts
from pipeline.summary.content import Content
from pipeline.summary.draft import AnswerDraft
from pipeline.summary.lines import Line
from pipeline.summary.templates import BUILT_IN
from services.llm.errors import LlmError, LlmUnavailableError
from services.llm.model import LanguageModel
from services.summaries.summarizer import Kept, Task, summarise
from settings import Settings
from storage.postgres.database import Database

ANSWER_TOKENS = 1000


@dataclass(frozen=True)
class Fact:
    words: Sequence[str]
    """A statement has the fact if it has all of these, in any letter case."""
    lines: Sequence[int]
    """Of which it must cite one."""


@dataclass(frozen=True)
class Case:
    language: str
    said: Sequence[tuple[str, str]]
    facts: Sequence[Fact]
    questions: Sequence[tuple[str, Fact]]
    absent: Sequence[str]
    """Questions that the conversation does not answer."""


CASES = (
    Case(
        "en",
        (
            ("Nick", "Morning. We have to decide about the bridge today."),
            ("Ada", "A new one costs nine million, says the engineer."),
            ("Nick", "Nine million is more than the town has in two years."),
            ("Ada", "Repairing the old one would be one point four million."),
            ("Ben", "And how long would a repair last?"),
            ("Ada", "Fifteen years, perhaps twenty."),
            ("Nick", "Then we repair it. Does anybody object?"),
            ("Ben", "No. I am for the repair, too."),
            ("Ada", "Agreed."),
            ("Nick", "Ben, will you write to the ministry about the subsidy?"),
            ("Ben", "Yes, by Friday."),
            ("Ada", "One thing we do not know is where the ferry will land meanwhile."),
            ("Nick", "Let us leave that for the next meeting."),
            ("Ben", "My daughter's concert is tonight, so I have to run."),
        ),
        (
            Fact(("nine million",), (2, 3)),
            Fact(("repair",), (7, 8, 9)),
            Fact(("1.4",), (4,)),
            Fact(("ministry",), (10, 11)),
            Fact(("ferry",), (12,)),
        ),
        (
            ("What does a new bridge cost?", Fact(("nine million",), (2, 3))),
            ("Who writes to the ministry?", Fact(("ben",), (10, 11))),
            ("How long does a repair last?", Fact(("fifteen",), (6,))),
        ),
        ("Who is the mayor?", "What does the concert cost?", "When was the old bridge built?"),
    ),
    Case(
        "de",
        (
            ("Jana", "Der neue Server läuft seit Montag, aber die Sicherung fehlt noch."),
            ("Emre", "Die Platten dafür sind bestellt und kommen am Zwölften."),
            ("Jana", "Bis dahin sichern wir auf den alten Server?"),
            ("Emre", "Ja, jede Nacht um drei. Ich richte das heute ein."),
            ("Jana", "Gut. Und wer sagt den Kunden, dass die Adresse sich ändert?"),
            ("Lena", "Das mache ich, noch diese Woche."),
            ("Emre", "Das Zertifikat läuft übrigens Ende März ab."),
            ("Jana", "Ob wir es verlängern oder wechseln, ist noch offen."),
        ),
        (
            Fact(("platten",), (2,)),
            Fact(("alten server",), (3, 4)),
            Fact(("kunden",), (5, 6)),
            Fact(("zertifikat",), (7, 8)),
        ),
        (
            ("Wer sagt den Kunden Bescheid?", Fact(("lena",), (5, 6))),
            ("Wann wird gesichert?", Fact(("drei",), (4,))),
        ),
        ("Was kostet der neue Server?", "Wer hat den alten Server gekauft?"),
    ),
)


@dataclass
class Counts:
    kept: int = 0
    dropped: int = 0
    facts: int = 0
    covered: int = 0
    questions: int = 0
    answered: int = 0
    absent: int = 0
    refused: int = 0
    failed: int = 0


def lines_of(case: Case) -> list[Line]:
    """Each line is a segment; its id is the number of the line."""
    return [Line(n, n, n, name, 5.0 * n, 5.0 * n + 4, text) for n, (name, text) in enumerate(case.said, 1)]


def holds(fact: Fact, text: str, cited: Sequence[int]) -> bool:
    low = text.casefold()
    return all(word in low for word in fact.words) and not set(cited).isdisjoint(fact.lines)


async def run_summary(model: LanguageModel, case: Case, counts: Counts) -> None:
    async def ignore(*_: object) -> None: ...

    task = Task(lines_of(case), BUILT_IN[1].instructions, case.language)
    found = await summarise(model, task, Kept({}, ignore), ignore)
    content: Content = found.content
    statements = list(content.statements())
    counts.kept += len(statements) + len(content.chapters)
    counts.dropped += found.dropped
    counts.covered += sum(any(holds(fact, one.text, one.segments) for one in statements) for fact in case.facts)


async def run_question(model: LanguageModel, case: Case, question: str) -> list[tuple[str, list[int]]]:
    lines = lines_of(case)
    draft = await model.ask(prompts.for_question(question, list(map(str, lines))), AnswerDraft, ANSWER_TOKENS)
    kept, _ = check.statements(draft.statements if draft.found else [], lines)
    return [(one.text, one.segments) for one in kept]


async def measure(model: LanguageModel) -> Counts:
    counts = Counts()
    for case in CASES:
        counts.facts += len(case.facts)
        counts.questions += len(case.questions)
        counts.absent += len(case.absent)
        try:
            await run_summary(model, case, counts)
        except (LlmError, LlmUnavailableError) as error:
            counts.failed += 1
            print(f"No summary: {error}")
        for question, fact in (*case.questions, *((absent, None) for absent in case.absent)):
            try:
                statements = await run_question(model, case, question)
            except (LlmError, LlmUnavailableError) as error:
                counts.failed += 1
                print(f"No answer to {question!r}: {error}")
                continue
            if fact is None:
                counts.refused += not statements
            else:
                counts.answered += any(holds(fact, text, cited) for text, cited in statements)
    return counts


def table(name: str, counts: Counts) -> str:
    statements = counts.kept + counts.dropped
    figures = {
        "model": name,
        "statements with valid citations": f"{counts.kept / max(1, statements):.0%} of {statements}",
        "facts in the summary": f"{counts.covered} of {counts.facts}",
        "questions answered": f"{counts.answered} of {counts.questions}",
        "absent facts refused": f"{counts.refused} of {counts.absent}",
        "failed requests": str(counts.failed),
    }
    rows = (figures.keys(), ["---"] * len(figures), figures.values())
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


async def main() -> None:
    settings = Settings().model_copy(update={"llm_tokens_per_day": None})  # which would be counted in the database
    model = LanguageModel(settings, Database("postgresql+asyncpg://unused"))
    name = model.require().model
    try:
        print(table(name, await measure(model)))
    finally:
        await model.close()


if __name__ == "__main__":
    asyncio.run(main())
