"""Summarise a transcript: at once where it fits the model's context, else facts of each section first, then all of them."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass

from pipeline.summary import prompts
from pipeline.summary.check import Checked, checked, within
from pipeline.summary.draft import ChapterDraft, Draft, Fact, Facts, schema
from pipeline.summary.lines import Line, sections, tokens
from pipeline.summary.prompts import Message
from services.llm.errors import LlmError
from services.llm.model import LanguageModel

ANSWER_SHARE = 4
"""The answer may take a fourth of the context."""
MAX_ANSWER_TOKENS = 4000
MIN_ROOM_TOKENS = 200
"""For the transcript, beside instructions and answer."""
MAX_CONDENSING_ROUNDS = 5
"""Each halves the facts."""

Report = Callable[[str, float], Awaitable[None]]
"""Takes the name of the stage, and the fraction of the whole that is done."""


@dataclass(frozen=True, slots=True)
class Task:
    lines: Sequence[Line]
    instructions: str
    """Of the template."""
    language: str | None
    chapters: Collection[int] = ()
    """Numbers of the lines at which the transcript is cut, where it has to be."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Results of sections, which another attempt reads."""

    found: dict[str, str]
    store: Callable[[str, str], Awaitable[None]]


async def summarise(model: LanguageModel, task: Task, kept: Kept, report: Report) -> Checked:
    """A summary of which each statement cites segments. Raises LlmError, LlmUnavailableError."""
    answer = min(MAX_ANSWER_TOKENS, await model.context_tokens() // ANSWER_SHARE)
    whole = prompts.for_transcript(prompts.SUMMARISE, task.instructions, task.language, task.lines)
    if _size(whole) + _size_of_schema() + answer <= await model.context_tokens():
        await report("summarising", 0.0)
        draft = await model.ask(whole, Draft, answer)
        return checked(draft, task.lines)
    facts = await _facts(model, task, answer, kept, report)
    if not facts.facts:
        raise LlmError("The model found nothing in the transcript that it could cite: use a larger model (LLM_MODEL).")
    facts = await _condensed(model, task, answer, facts)
    await report("summarising", 0.9)
    draft = await model.ask(_reduce(task, facts), Draft, answer)
    cited = {number for fact in facts.facts for number in fact.lines} | {topic.line for topic in facts.topics}
    return checked(draft, [line for line in task.lines if line.number in cited])


async def _facts(model: LanguageModel, task: Task, answer: int, kept: Kept, report: Report) -> Facts:
    """The facts of all sections, in order of time."""
    room = await _room(model, answer, prompts.for_transcript(prompts.MAP, task.instructions, task.language, ()))
    parts = sections(task.lines, room, task.chapters)
    topics: list[ChapterDraft] = []
    facts: list[Fact] = []
    for i, part in enumerate(parts):
        await report("reading", 0.9 * i / len(parts))
        key = f"section {part[0].number}-{part[-1].number}"
        if key in kept.found:
            found = Facts.model_validate_json(kept.found[key])
        else:
            messages = prompts.for_transcript(prompts.MAP, task.instructions, task.language, part)
            found = within(await model.ask(messages, Facts, answer), part)
            await kept.store(key, found.model_dump_json())
        topics += found.topics
        facts += found.facts
    return Facts(topics=topics, facts=facts)


async def _condensed(model: LanguageModel, task: Task, answer: int, facts: Facts) -> Facts:
    """Few enough facts for one prompt. Raises LlmError where they do not become fewer."""
    room = await _room(model, answer, _reduce(task, Facts()))
    for _ in range(MAX_CONDENSING_ROUNDS):
        if tokens(prompts.facts_text(facts)) <= room:
            return facts
        shorter: list[Fact] = []
        for part in _parts(facts.facts, room):
            messages = prompts.for_facts(prompts.CONDENSE, task.instructions, task.language, Facts(facts=part))
            found = await model.ask(messages, Facts, answer)
            allowed = {number for fact in part for number in fact.lines}
            shorter += within(found, [line for line in task.lines if line.number in allowed]).facts
        facts = Facts(topics=facts.topics[:: 2 if len(facts.topics) > len(shorter) else 1], facts=shorter)
    raise LlmError("The facts of this conversation do not fit the model's context: use a model with a larger one.")


def _reduce(task: Task, facts: Facts) -> list[Message]:
    return prompts.for_facts(prompts.REDUCE + prompts.SUMMARISE, task.instructions, task.language, facts)


def _parts(facts: Sequence[Fact], room: int) -> list[list[Fact]]:
    parts: list[list[Fact]] = []
    used = room
    for fact in facts:
        size = tokens(prompts.facts_text(Facts(facts=[fact]))) + 1
        if used + size > room:
            parts.append([])
            used = 0
        parts[-1].append(fact)
        used += size
    return parts


async def _room(model: LanguageModel, answer: int, empty: Sequence[Message]) -> int:
    """Tokens for the data of a prompt that has only the instructions. Raises LlmError where there are too few."""
    context = await model.context_tokens()
    room = context - answer - _size(empty) - _size_of_schema()
    if room < MIN_ROOM_TOKENS:
        needed = (_size(empty) + _size_of_schema() + MIN_ROOM_TOKENS) * ANSWER_SHARE // (ANSWER_SHARE - 1) + 1
        raise LlmError(
            f"The context of the model ({context} tokens) is too small for a summary: it needs at least {needed}; have the "
            "server use more, and set LLM_CONTEXT_TOKENS."
        )
    return room


def _size(messages: Sequence[Message]) -> int:
    return sum(tokens(message["content"]) for message in messages)


def _size_of_schema() -> int:
    """Servers that do not enforce a schema get it in the prompt."""
    return tokens(str(schema(Draft)))
