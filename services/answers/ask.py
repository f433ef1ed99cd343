"""Answer a question about the archive from the segments that a search finds, with a citation for each statement."""

import json
import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from pipeline.access import Principal
from pipeline.summary import check
from pipeline.summary.common_words import subject_words
from pipeline.summary.draft import AnswerDraft, Cited, schema
from pipeline.summary.lines import Line, flat, tokens
from pipeline.summary.prompts import for_question
from services.llm.model import LanguageModel
from services.search.transcript_search import Query, TranscriptSearch
from storage.postgres.database import Database
from storage.search import search
from storage.search.neighbours import around
from storage.search.search import Filters, SearchHit

MAX_QUESTION_CHARS = 1000
MAX_HITS = 20
"""Of each of the two searches."""
NEIGHBOURS = 2
"""Segments before and after each hit: many sentences cannot be understood alone."""
MAX_ANSWER_TOKENS = 1500
ANSWER_SHARE = 4
NOT_FOUND = "I do not find that in the conversations that you can see."
_STATEMENTS = re.compile(r'"statements"\s*:\s*\[')


@dataclass(frozen=True, slots=True)
class Supported:
    """A statement, and the segments that support it."""

    text: str
    segments: Sequence[SearchHit]


@dataclass(frozen=True, slots=True)
class Answer:
    statements: Sequence[Supported] = ()
    dropped: int = 0
    """Statements that cited nothing that exists."""
    note: str | None = None
    """What the search could not do."""

    @property
    def found(self) -> bool:
        return bool(self.statements)

    @property
    def text(self) -> str:
        return " ".join(statement.text for statement in self.statements) or NOT_FOUND


@dataclass(frozen=True, slots=True)
class _Sources:
    lines: Sequence[Line] = ()
    shown: Sequence[str] = ()
    """The lines as the model reads them, below the titles of their conversations."""
    segments: Mapping[int, SearchHit] = field(default_factory=dict)
    note: str | None = None


class Asking:
    def __init__(self, database: Database, found: TranscriptSearch, model: LanguageModel) -> None:
        self._database = database
        self._search = found
        self._model = model

    async def answer(self, viewer: Principal, question: str, filters: Filters) -> Answer:
        """From what the viewer may see. Raises LlmError, LlmUnavailableError, SearchError."""
        last = Answer()
        async for part in self.stream(viewer, question, filters):
            if isinstance(part, Answer):
                last = part
        return last

    async def stream(self, viewer: Principal, question: str, filters: Filters) -> AsyncGenerator[Supported | Answer, None]:
        """Each statement as soon as it is complete and its citations are checked, then the whole answer. Raises as `answer`."""
        self._model.require()
        sources = await self._sources(viewer, question, filters)
        if not sources.lines:
            yield Answer(note=sources.note)
            return
        written, sent, dropped = "", list[Supported](), 0
        messages = for_question(question, sources.shown)
        async with aclosing(self._model.stream(messages, AnswerDraft, await self._answer_tokens())) as pieces:
            async for piece in pieces:
                written += piece
                for one in complete_statements(written)[len(sent) + dropped :]:
                    if (supported := _supported(one, sources)) is None:
                        dropped += 1
                    else:
                        sent.append(supported)
                        yield supported
        yield Answer(sent, dropped, sources.note)

    async def _answer_tokens(self) -> int:
        return min(MAX_ANSWER_TOKENS, await self._model.context_tokens() // ANSWER_SHARE)

    async def _sources(self, viewer: Principal, question: str, filters: Filters) -> _Sources:
        """The best hits with their neighbours, as many as fit the context, by conversation and time."""
        hits, note = await self._hits(viewer, question, filters)
        room = await self._model.context_tokens() - await self._answer_tokens() - _instructions(question)
        async with self._database.session() as session:
            near = await around(session, hits, NEIGHBOURS)
            wanted = list(dict.fromkeys(id_ for hit in hits for id_ in near.get(hit, ())))
            found = {hit.id: hit for hit in await search.read(session, wanted, "")}
        chosen: dict[int, SearchHit] = {}
        for hit in hits:
            group = [found[id_] for id_ in near.get(hit, ()) if id_ in found and id_ not in chosen]
            size = sum(_size(one) for one in group)
            if size > room:
                break
            room -= size
            chosen |= {one.id: one for one in group}
        return _numbered(list(chosen.values()), note)

    async def _hits(self, viewer: Principal, question: str, filters: Filters) -> tuple[list[int], str | None]:
        """Ids of segments: those that mean the same, and those with words of the question, in turns."""
        near = await self._search.search(viewer, Query(question, filters, "meaning", limit=MAX_HITS))
        by_meaning = [hit.id for hit in near.hits if hit.matched == "meaning"]
        by_words: list[int] = []
        if words := " or ".join(subject_words(question)):
            found = await self._search.search(viewer, Query(words, filters, "words", limit=MAX_HITS))
            by_words = [hit.id for hit in found.hits]
        pairs = ((ids[i] for ids in (by_meaning, by_words) if i < len(ids)) for i in range(MAX_HITS))
        return list(dict.fromkeys(id_ for pair in pairs for id_ in pair)), near.note


def complete_statements(written: str) -> list[Cited]:
    """The statements of an `AnswerDraft` whose JSON may not be complete yet."""
    begin = _STATEMENTS.search(written)
    found: list[Cited] = []
    at = begin.end() if begin else len(written)
    decoder = json.JSONDecoder()
    while (at := _next_object(written, at)) >= 0:
        try:
            value, at = decoder.raw_decode(written, at)
            found.append(Cited.model_validate(value))
        except ValueError:
            break
    return found


def _next_object(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n,":
        at += 1
    return at if at < len(text) and text[at] == "{" else -1


def _supported(one: Cited, sources: _Sources) -> Supported | None:
    kept, _ = check.statements([one], sources.lines)
    return Supported(kept[0].text, [sources.segments[id_] for id_ in kept[0].segments]) if kept else None


def _numbered(hits: Sequence[SearchHit], note: str | None) -> _Sources:
    ordered = sorted(hits, key=lambda hit: (hit.conversation_id, hit.start_offset, hit.id))
    lines: list[Line] = []
    shown: list[str] = []
    conversation = None
    for number, hit in enumerate(ordered, 1):
        if hit.conversation_id != conversation:
            conversation = hit.conversation_id
            shown.append(_heading(hit))
        speaker = hit.speaker_name or "?"
        line = Line(
            number, hit.id, hit.participant_id, speaker, hit.start_offset, hit.end_offset, hit.text, hit.emotion_category
        )
        lines.append(line)
        shown.append(str(line))
    return _Sources(lines, shown, {hit.id: hit for hit in ordered}, note)


def _heading(hit: SearchHit) -> str:
    begun = hit.start_time.date()  # of the segment; long recordings may pass midnight
    return f"# {flat(hit.title or 'A conversation')}, {begun:%Y-%m-%d}"


def _size(hit: SearchHit) -> int:
    """Tokens of its line, with a share of its heading."""
    return tokens(hit.text) + tokens(hit.speaker_name or "?") + 20 + tokens(hit.title or "") // (2 * NEIGHBOURS + 1)


def _instructions(question: str) -> int:
    empty = sum(tokens(message["content"]) for message in for_question(question, ()))
    return empty + tokens(json.dumps(schema(AnswerDraft)))
