"""Search segments by words, speaker, time, conversation and emotion.

Words match exactly, in any letter case: PostgreSQL's configuration `simple`, without stems or stop words. An archive holds many
languages, often several in one conversation; a stemmer of one of them would return wrong words in the others, and would drop
names and phrases of common words ("The Who"). Each kana or Han character counts as a word, which makes a word a phrase. The
query has the syntax of web search engines (`websearch_to_tsquery`), in which no input is an error: `red car`, `"red car"`,
`red or blue`, `car -red`.

`storage.search.nearest` finds segments by meaning; `services.search` ranks both together.
"""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from itertools import takewhile
from operator import ne
from typing import Any, Literal
from unicodedata import normalize

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Select,
    Text,
    any_,
    bindparam,
    case,
    cast,
    func,
    literal,
    literal_column,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import REGCONFIG, TSQUERY
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.access import Principal
from pipeline.names import INVISIBLE, visible
from pipeline.transcript.tokens import IDEOGRAPHS
from pipeline.types import ConversationSegment
from storage.access.visibility import visible_to
from storage.conversations import segments
from storage.postgres.conditions import one_of_large
from storage.postgres.local_settings import configure
from storage.tables import Conversation, ConversationTag, ParticipantRow, SegmentRow, VoiceRow, spoken_by
from storage.tables.names import key_of

Order = Literal["relevance", "newest", "oldest"]
Matched = Literal["words", "meaning"]
"""Why a segment was found."""

MAX_QUERY_CHARACTERS = 1000
"""The rest of a longer query is ignored."""
MAX_HITS = 500
"""Hits that are ranked: the newest ones, if a query has more. Users do not read all hits of a word in half of the archive."""
MAX_PHRASE_CANDIDATES = 10_000
"""Segments with all words of a phrase that are searched for the phrase itself."""
TIMEOUT_S = 5.0
PLANNING = {
    "statement_timeout": f"{TIMEOUT_S}s",
    "plan_cache_mode": "force_custom_plan",  # a generic plan is bad for most words
    "jit": "off",  # to compile a statement takes longer than a search
    "random_page_cost": "1.1",  # as on an SSD; the default reads half of the archive instead of some thousand rows by the index
}
MAX_WHOLE_CHARACTERS = 300
"""A snippet of a longer text is an excerpt."""
MARK_START, MARK_END = "\x02", "\x03"
"""Around each found word of a snippet: characters that no text contains. Callers replace them with markup."""
MARKS = f"StartSel={MARK_START}, StopSel={MARK_END}, "
WHOLE = "HighlightAll=true"
FRAGMENTS = 'MaxFragments=3, MaxWords=30, MinWords=10, FragmentDelimiter=" … "'

_SIMPLE = cast("simple", REGCONFIG)
_ADJACENT = re.compile(r"<(?:-|\d+)>")
_IDEOGRAPH_RUN = re.compile(f"[{IDEOGRAPHS}]+")
_SPACED_IDEOGRAPH = re.compile(f" ?({MARK_START}?[{IDEOGRAPHS}]{MARK_END}?) ?")
_UNMARKED = str.maketrans("", "", MARK_START + MARK_END)
_DANGLING_HYPHEN = re.compile(r"-(?![\w\"])")  # a hyphen that negates nothing; 32 of them are an error
_QUERY_CANCELED = "57014"  # PostgreSQL's error code


class SearchError(ValueError):
    """The search failed; the message says what to try."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Conditions on the segments besides the words. None is no condition."""

    speaker_id: int | None = None
    emotion: str | None = None
    conversation_id: int | None = None
    since: datetime | None = None
    """Spoken at this time or later."""
    until: datetime | None = None
    """Spoken before this time."""
    tags: Sequence[str] = ()
    """The conversation has all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchHit(ConversationSegment):
    title: str | None
    """Of the conversation."""
    matched: Matched | None = None
    """None where there was nothing to match."""
    similarity: float | None = None
    """Cosine, of what was found by meaning."""
    snippet: str
    """The text, or excerpts of a long one; each found word stands between `MARK_START` and `MARK_END`."""

    @property
    def time(self) -> datetime:
        return self.start_time


@dataclass(frozen=True, slots=True)
class Ranked:
    ids: Sequence[int]
    """Of segments, in order; at most `MAX_HITS`."""
    exact: bool
    """Whether these are all."""


@dataclass(frozen=True, slots=True)
class SearchResult:
    hits: Sequence[SearchHit]
    total: int
    """The number of hits; a lower bound where not `exact`."""
    exact: bool


async def search(
    session: AsyncSession,
    viewer: Principal,
    query: str,
    filters: Filters,
    order: Order = "relevance",
    skip: int = 0,
    limit: int = 20,
) -> SearchResult:
    """The segments that match `query` and the filters, in conversations that the viewer sees.

    An empty query matches all segments, ordered by time.

    Raises SearchError after `TIMEOUT_S`.
    """
    async with in_time(session):
        found = await rank(session, viewer, query, filters, order)
        hits = await read(session, found.ids[skip : skip + limit], query)
    return SearchResult(hits, len(found.ids), found.exact)


async def rank(session: AsyncSession, viewer: Principal, query: str, filters: Filters, order: Order = "relevance") -> Ranked:
    """The same, without reading the segments. Call it within `in_time`."""
    words = _normalise(query)
    if words:
        found, more = await _by_words(session, viewer, words, filters, order)
    else:
        found, more = await _by_time(session, filtered(viewer, filters, dated=True), order), False
    return Ranked(found[:MAX_HITS], len(found) <= MAX_HITS and not more)


async def conversations_with(session: AsyncSession, query: str) -> Sequence[int]:
    """The ids of all conversations with a segment that matches `query`, visible or not; none for an empty query."""
    exact = await session.scalar(select(cast(_tsquery(_normalise(query)), Text)))
    if not exact:
        return []
    return (await session.scalars(select(SegmentRow.conversation_id).where(_match(exact)).distinct())).all()


@asynccontextmanager
async def in_time(session: AsyncSession) -> AsyncIterator[None]:
    """Plan the statements of the transaction as searches. Raises SearchError where one takes longer than `TIMEOUT_S`."""
    await configure(session, PLANNING)
    try:
        yield
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != _QUERY_CANCELED:
            raise
        raise SearchError(
            "The search took too long: repeat it, use rarer words, or filter by speaker, conversation or time."
        ) from error


async def _by_words(
    session: AsyncSession, viewer: Principal, words: str, filters: Filters, order: Order
) -> tuple[list[int], bool]:
    """The ids of up to `MAX_HITS` + 1 matching segments, in order, and whether candidates were left out."""
    exact = await session.scalar(select(cast(_tsquery(words), Text)))
    if not exact:
        return [], False
    dated = order != "relevance"
    matching, more = filtered(viewer, filters, dated), False
    # The index knows which words a segment has, not which of them are adjacent.
    loose = _ADJACENT.sub("&", exact)
    if loose != exact and "!" not in exact:
        key = SegmentRow.id.asc() if order == "oldest" else SegmentRow.id.desc()
        candidates = (await session.scalars(matching.where(_match(loose)).order_by(key).limit(MAX_PHRASE_CANDIDATES))).all()
        matching = _all_ids(dated).where(SegmentRow.id == any_(literal(candidates, ARRAY(BigInteger))))
        more = len(candidates) == MAX_PHRASE_CANDIDATES
    matching = matching.where(_match(exact))
    if dated:
        return await _by_time(session, matching, order), more
    # Cover density: how near the words are to each other; divided by 1 + the logarithm of the length.
    rank = func.ts_rank_cd(SegmentRow.lexemes, _parsed(exact), 1)
    rows = (await session.execute(matching.add_columns(rank).order_by(SegmentRow.id.desc()).limit(MAX_HITS + 1))).all()
    return [id_ for id_, _ in sorted(rows, key=lambda row: (row[1], row[0]), reverse=True)], more


async def _by_time(session: AsyncSession, found: Select[Any], order: Order) -> list[int]:
    """Up to `MAX_HITS` + 1 ids, oldest first for that order, else newest first."""
    keys: Sequence[Any] = (Conversation.start_time, Conversation.id, SegmentRow.position)
    ordered = found.order_by(*keys if order == "oldest" else (key.desc() for key in keys))
    return list(await session.scalars(ordered.limit(MAX_HITS + 1)))


async def grouped(session: AsyncSession, ids: Sequence[int]) -> list[int]:
    """The ids with those of a conversation next to each other, conversations in the order of their first ones."""
    rows = await session.execute(select(SegmentRow.id, SegmentRow.conversation_id).where(one_of_large(SegmentRow.id, ids)))
    where = {row.id: row.conversation_id for row in rows}
    conversations = {
        conversation: place for place, conversation in enumerate(dict.fromkeys(where[i] for i in ids if i in where))
    }
    return sorted((id_ for id_ in ids if id_ in where), key=lambda id_: conversations[where[id_]])


async def read(session: AsyncSession, ids: Sequence[int], query: str) -> list[SearchHit]:
    """The segments with these ids, in their order, without those deleted meanwhile; words of the query are marked."""
    words = _normalise(query)
    found = await session.execute(_hits(marked=bool(words)), {"ids": ids, "query": words})
    rows = {row.id: segments.values_of(row._asdict()) for row in found}
    hits = (rows[id_] for id_ in ids if id_ in rows)
    return [SearchHit(**row | {"snippet": _complete(_unspaced(row["snippet"]), row["text"])}) for row in hits]


@cache  # to build it takes as long as to read twenty hits
def _hits(*, marked: bool) -> Select[Any]:
    """Parameters: the `ids` of segments, and the words of the `query`, which snippets mark."""
    wanted = SegmentRow.id == any_(bindparam("ids", type_=ARRAY(BigInteger)))
    concerned = select(SegmentRow.conversation_id).where(wanted)
    snippet = _snippet(bindparam("query", type_=Text)) if marked else SegmentRow.text
    found = segments.select_segments(ParticipantRow.conversation_id.in_(concerned), words=False).where(wanted)
    return found.add_columns(Conversation.title, snippet.label("snippet"))


def _all_ids(dated: bool) -> Select[Any]:
    """The ids of all segments; joined with their conversations if `dated`."""
    ids = select(SegmentRow.id)
    return ids.join(Conversation, SegmentRow.conversation_id == Conversation.id) if dated else ids


def filtered(viewer: Principal, filters: Filters, dated: bool) -> Select[Any]:
    seen = visible_to(viewer)
    found = _all_ids(dated or bool(seen) or filters.since is not None or filters.until is not None).where(*seen)
    spoken_at = segments.spoken_at()
    if filters.speaker_id is not None:
        own = select(ParticipantRow.id).where(spoken_by(VoiceRow.speaker_id == filters.speaker_id))
        found = found.where(SegmentRow.participant_id.in_(own))
    if filters.emotion is not None:
        found = found.where(SegmentRow.emotion_category == filters.emotion)
    if filters.conversation_id is not None:
        found = found.where(SegmentRow.conversation_id == filters.conversation_id)
    for tag in filters.tags:
        tagged = select(ConversationTag.conversation_id).where(ConversationTag.name_key == key_of(tag))
        found = found.where(SegmentRow.conversation_id.in_(tagged))
    if filters.since is not None:  # the first condition excludes whole conversations
        recent = or_(Conversation.end_time.is_(None), Conversation.end_time >= filters.since)
        found = found.where(recent, spoken_at >= filters.since)
    if filters.until is not None:
        found = found.where(Conversation.start_time < filters.until, spoken_at < filters.until)
    return found


def _match(tsquery: str) -> ColumnElement[bool]:
    return SegmentRow.lexemes.bool_op("@@")(_parsed(tsquery))


def _parsed(tsquery: str) -> ColumnElement[Any]:
    return cast(literal(tsquery, Text), TSQUERY)


def _snippet(words: ColumnElement[str]) -> ColumnElement[str]:
    plain = func.regexp_replace(func.normalize(SegmentRow.text, literal_column("NFC")), f"[{INVISIBLE}]", "", "g")
    unmarked = func.translate(plain, MARK_START + MARK_END, "")
    spaced = func.regexp_replace(unmarked, f"([{IDEOGRAPHS}])", r" \1 ", "g")
    options = case((func.length(SegmentRow.text) <= MAX_WHOLE_CHARACTERS, MARKS + WHOLE), else_=MARKS + FRAGMENTS)
    return func.ts_headline(_SIMPLE, spaced, _tsquery(words), options)


def _unspaced(snippet: str) -> str:
    """Remove the spaces that the search put around ideographs."""
    return _SPACED_IDEOGRAPH.sub(r"\1", snippet).replace(MARK_END + MARK_START, "")


def _complete(snippet: str, text: str) -> str:
    """The snippet with the invisible characters of the text, such as joiners, which shape letters, if it is the whole text."""
    text = normalize("NFC", text)
    seen = visible(text)
    if seen == text or snippet.translate(_UNMARKED) != seen:
        return snippet
    rest = iter(text)
    shown: list[str] = []
    for character in snippet:
        if character not in (MARK_START, MARK_END):
            shown += takewhile(partial(ne, character), rest)
        shown.append(character)
    return "".join([*shown, *rest])


def _tsquery(words: str | ColumnElement[str]) -> ColumnElement[Any]:
    return func.websearch_to_tsquery(_SIMPLE, words)


def _normalise(query: str) -> str:
    """The part of the query that PostgreSQL can read, with each run of `IDEOGRAPHS` as a phrase."""
    spaced = " ".join(visible(query[:MAX_QUERY_CHARACTERS].replace("\0", " ")).split())
    text = _DANGLING_HYPHEN.sub(" ", spaced.encode(errors="ignore").decode())
    parts = text.split('"')
    parts[::2] = [_IDEOGRAPH_RUN.sub(lambda run: f'"{" ".join(run[0])}" ', part) for part in parts[::2]]
    parts[1::2] = [_IDEOGRAPH_RUN.sub(lambda run: f" {' '.join(run[0])} ", part) for part in parts[1::2]]
    return '"'.join(parts).strip()
