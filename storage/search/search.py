"""Finding lines again, by their words and by who said them, when, where and how.

Words are matched as they were said, in any letter case: PostgreSQL's configuration `simple`, without stems or stop words. An
archive holds many languages, and often several in one conversation; a stemmer of one of them would find the wrong words of the
others, and hide names and phrases of common words ("The Who"). Kana and Han characters count as words of one letter, which
makes a word a phrase. The query is in the syntax of web search engines (`websearch_to_tsquery`), which no input breaks:
`red car`, `"red car"`, `red or blue`, `car -red`.

Semantic search will be a second source of candidates beside `_by_words`, to be ranked together with them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ARRAY, BigInteger, ColumnElement, Select, Text, any_, case, cast, func, literal, or_, select
from sqlalchemy.dialects.postgresql import REGCONFIG, TSQUERY
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from storage.conversations import excerpts
from storage.conversations.excerpts import Line
from storage.tables import IDEOGRAPHS, Conversation, ParticipantRow, SegmentRow

Order = Literal["relevance", "newest", "oldest"]

LONGEST = 1000
"""Characters of a query that are read."""
MOST = 500
"""Hits that are looked at, the newest where they are ranked: of words that half of the archive holds nobody reads them all."""
LOOKED_AT = 10_000
"""Lines that hold all words of a phrase, and are looked at for the phrase itself."""
PATIENCE = 5.0
"""Seconds; nobody waits any longer."""
PLANNING = {
    "statement_timeout": f"{PATIENCE}s",
    "plan_cache_mode": "force_custom_plan",  # it must see the words: a plan for all words is a bad one for most
    "random_page_cost": "1.1",  # as on an SSD; else it reads half of the archive rather than some thousand lines by the index
}
SHORT = 300
"""Characters of a line that is shown whole."""
OPEN, CLOSE = "\x02", "\x03"
"""What a found word stands between: characters that no text holds, for whoever shows it to replace."""
MARKS = f"StartSel={OPEN}, StopSel={CLOSE}, "
WHOLE = "HighlightAll=true"
FRAGMENTS = 'MaxFragments=3, MaxWords=30, MinWords=10, FragmentDelimiter=" … "'

_SIMPLE = cast("simple", REGCONFIG)
_SIDE_BY_SIDE = re.compile(r"<(?:-|\d+)>")
_RUN = re.compile(f"[{IDEOGRAPHS}]+")
_SPACED = re.compile(f" ?({OPEN}?[{IDEOGRAPHS}]{CLOSE}?) ?")
_DANGLING = re.compile(r"-(?![\w\"])")  # a hyphen that negates nothing; 32 of them are an error
_CANCELED = "57014"  # PostgreSQL's error code `query_canceled`


class SearchError(ValueError):
    """The search cannot be done; the message says what to try."""


@dataclass(frozen=True, slots=True)
class Filters:
    """What lines must be besides. None asks for nothing."""

    speaker_id: int | None = None
    emotion: str | None = None
    conversation_id: int | None = None
    since: datetime | None = None
    """Said at this time or later."""
    until: datetime | None = None
    """Said before this time."""


@dataclass(frozen=True, slots=True)
class Hit(Line):
    title: str | None
    """Of the conversation."""
    time: datetime
    """When it was said."""
    snippet: str
    """The text, or what of a long one surrounds the words; each found word stands between `OPEN` and `CLOSE`."""


@dataclass(frozen=True, slots=True)
class Hits:
    hits: Sequence[Hit]
    total: int
    """How many there are; where not `exact`, more than this."""
    exact: bool


async def search(
    session: AsyncSession, query: str, filters: Filters, order: Order = "relevance", skip: int = 0, limit: int = 20
) -> Hits:
    """The lines that hold the words of `query` and pass the filters; without words, all that pass, by time.

    Raises SearchError where it takes too long.
    """
    await session.execute(select(*(func.set_config(name, value, True) for name, value in PLANNING.items())))
    words = _plain(query)
    try:
        if words:
            found, more = await _by_words(session, words, filters, order)
        else:
            found, more = await _by_time(session, _passing(filters, dated=True), order), False
        hits = await _read(session, found[:MOST][skip : skip + limit], words)
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != _CANCELED:
            raise
        raise SearchError("The search took too long: use rarer words, or filter by speaker, conversation or time.") from error
    return Hits(hits, min(len(found), MOST), len(found) <= MOST and not more)


async def _by_words(session: AsyncSession, words: str, filters: Filters, order: Order) -> tuple[list[int], bool]:
    """The lines that match, in order: `MOST`, and one more where there are more. And whether there may be others."""
    exact = await session.scalar(select(cast(_tsquery(words), Text)))
    if not exact:
        return [], False
    dated = order != "relevance"
    matching, more = _passing(filters, dated), False
    # What stands side by side the index does not know, only what is in one line.
    loose = _SIDE_BY_SIDE.sub("&", exact)
    if loose != exact and "!" not in exact:
        key = SegmentRow.id.asc() if order == "oldest" else SegmentRow.id.desc()
        near = (await session.scalars(matching.where(_match(loose)).order_by(key).limit(LOOKED_AT))).all()
        matching, more = _every(dated).where(SegmentRow.id == any_(literal(near, ARRAY(BigInteger)))), len(near) == LOOKED_AT
    matching = matching.where(_match(exact))
    if dated:
        return await _by_time(session, matching, order), more
    # Cover density is nearness of the words; divided by 1 + the logarithm of the length.
    rank = func.ts_rank_cd(SegmentRow.lexemes, _parsed(exact), 1)
    rows = (await session.execute(matching.add_columns(rank).order_by(SegmentRow.id.desc()).limit(MOST + 1))).all()
    return [id_ for id_, _ in sorted(rows, key=lambda row: (row[1], row[0]), reverse=True)], more


async def _by_time(session: AsyncSession, found: Select[Any], order: Order) -> list[int]:
    """`MOST`, the newest first unless the oldest are wanted, and one more where there are more."""
    keys: Sequence[Any] = (Conversation.start_time, Conversation.id, SegmentRow.position)
    return list(await session.scalars(found.order_by(*keys if order == "oldest" else (k.desc() for k in keys)).limit(MOST + 1)))


async def _read(session: AsyncSession, ids: Sequence[int], words: str) -> list[Hit]:
    """The lines of these ids, in their order, as far as they are still there."""
    snippet = _snippet(words) if words else SegmentRow.text
    found = excerpts.columns().join(Conversation, SegmentRow.conversation_id == Conversation.id)
    found = found.add_columns(Conversation.title, excerpts.said_at().label("time"), snippet.label("snippet"))
    rows = {row.id: excerpts.read(row) for row in await session.execute(found.where(SegmentRow.id.in_(ids)))}
    return [Hit(**row | {"snippet": _together(row["snippet"])}) for row in (rows[id_] for id_ in ids if id_ in rows)]


def _every(dated: bool) -> Select[Any]:
    """All lines; with their conversations, if `dated`."""
    every = select(SegmentRow.id)
    return every.join(Conversation, SegmentRow.conversation_id == Conversation.id) if dated else every


def _passing(filters: Filters, dated: bool) -> Select[Any]:
    found = _every(dated or filters.since is not None or filters.until is not None)
    said = excerpts.said_at()
    if filters.speaker_id is not None:
        mine = select(ParticipantRow.id).where(ParticipantRow.speaker_id == filters.speaker_id)
        found = found.where(SegmentRow.participant_id.in_(mine))
    if filters.emotion is not None:
        found = found.where(SegmentRow.emotion_category == filters.emotion)
    if filters.conversation_id is not None:
        found = found.where(SegmentRow.conversation_id == filters.conversation_id)
    if filters.since is not None:  # first what leaves out whole conversations
        recent = or_(Conversation.end_time.is_(None), Conversation.end_time >= filters.since)
        found = found.where(recent, said >= filters.since)
    if filters.until is not None:
        found = found.where(Conversation.start_time < filters.until, said < filters.until)
    return found


def _match(tsquery: str) -> ColumnElement[bool]:
    return SegmentRow.lexemes.bool_op("@@")(_parsed(tsquery))


def _parsed(tsquery: str) -> ColumnElement[Any]:
    return cast(literal(tsquery, Text), TSQUERY)


def _snippet(words: str) -> ColumnElement[str]:
    spaced = func.regexp_replace(func.translate(SegmentRow.text, OPEN + CLOSE, ""), f"([{IDEOGRAPHS}])", r" \1 ", "g")
    options = case((func.length(SegmentRow.text) <= SHORT, MARKS + WHOLE), else_=MARKS + FRAGMENTS)
    return func.ts_headline(_SIMPLE, spaced, _tsquery(words), options)


def _together(snippet: str) -> str:
    """Without the spaces that the search needs."""
    return _SPACED.sub(r"\1", snippet).replace(CLOSE + OPEN, "")


def _tsquery(words: str) -> ColumnElement[Any]:
    return func.websearch_to_tsquery(_SIMPLE, words)


def _plain(query: str) -> str:
    """What of the query PostgreSQL can read, with runs of `IDEOGRAPHS` as phrases."""
    plain = _DANGLING.sub(" ", query[:LONGEST].replace("\0", " ").encode(errors="ignore").decode())
    parts = plain.split('"')
    parts[::2] = [_RUN.sub(lambda run: f'"{" ".join(run[0])}" ', part) for part in parts[::2]]
    parts[1::2] = [_RUN.sub(lambda run: f" {' '.join(run[0])} ", part) for part in parts[1::2]]
    return '"'.join(parts).strip()
