"""Searching a small archive, on a real PostgreSQL."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Literal
from unicodedata import normalize

import pytest
from sqlalchemy import update

from pipeline.access import LOCAL
from pipeline.types import Emotion, Segment, Word
from services.identity import identification, transcripts
from storage.conversations import conversations, segments
from storage.postgres.database import Database
from storage.search import search
from storage.search.search import MARK_END, MARK_START, Filters, SearchResult
from storage.tables import Conversation
from tests.storage.transcripts import RULES, transcript, voice

EVERYTHING = Filters()
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


async def talk(database: Database, *texts: str, seeds: Sequence[int | None] = (1, 2), start: datetime = NOON) -> int:
    """A conversation of these segments, two seconds each, with alternating voices; every second segment is angry."""
    content = transcript([None if seed is None else voice(seed) for seed in seeds], lines=len(texts))

    def said(segment: Segment, text: str, number: int) -> Segment:
        label = "angry" if number % 2 else "happy"
        emotion = Emotion(label, 0.75, {label: 0.75}, voice(number, 64), "test-emotion")
        return replace(segment, words=(Word(f" {text}", segment.start, segment.end, 0.9),), emotion=emotion)

    spoken = tuple(said(segment, text, i) for i, (segment, text) in enumerate(zip(content.segments, texts, strict=True)))
    async with database.session() as session:
        id_ = await conversations.create(session, f"Talk at {start:%H:%M}", None, "flac", start_time=start)
        await transcripts.save(session, id_, replace(content, segments=spoken), RULES)
    return id_


async def find(database: Database, query: str, filters: Filters = EVERYTHING, **options: object) -> SearchResult:
    async with database.session() as session:
        return await search.search(session, LOCAL, query, filters, **options)  # type: ignore[arg-type]


def texts(found: SearchResult) -> list[str]:
    return [hit.text for hit in found.hits]


async def test_a_hit_says_who_when_and_where(database: Database) -> None:
    id_ = await talk(database, "Hello there.", "The invoice is late.", "Oh no.")
    found = await find(database, "INVOICE")
    (hit,) = found.hits
    assert (found.total, found.exact) == (1, True)
    assert (hit.conversation_id, hit.title, hit.speaker_name) == (id_, "Talk at 12:00", "Unknown_02")
    assert (hit.start_offset, hit.time, hit.emotion_category) == (2.0, NOON + timedelta(seconds=2), "angry")
    assert hit.snippet == f"The {MARK_START}invoice{MARK_END} is late."


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("red car", {"a red car", "the car is red"}),
        ('"red car"', {"a red car"}),
        ("red or blue", {"a red car", "the car is red", "a blue bike"}),
        ("car -a", {"the car is red"}),
        ("cars", set()),  # no stems
        ("the", {"the car is red"}),  # no stop words
        ("-car", {"a blue bike", "a bike-shed, isn't it?"}),
        ("isn't", {"a bike-shed, isn't it?"}),
        ("shed", {"a bike-shed, isn't it?"}),
    ],
)
async def test_the_syntax_of_web_search(database: Database, query: str, expected: set[str]) -> None:
    await talk(database, "a red car", "the car is red", "a blue bike", "a bike-shed, isn't it?")
    assert set(texts(await find(database, query))) == expected


@pytest.mark.parametrize(
    ("query", "text", "snippet"),
    [
        ("ärger", "Der ÄRGER ist groß", "Der [ÄRGER] ist groß"),
        ("ПРИВЕТ", "Ну, привет!", "Ну, [привет]!"),
        ("天气", "今日天气很好。", "今日[天气]很好。"),
        ('"天气很好"', "今日天气很好。", "今日[天气很好]。"),
        ("カメラ", "新しいカメラを買った", "新しい[カメラ]を買った"),
        ("가방", "새 가방 샀어", "새 [가방] 샀어"),
    ],
)
async def test_other_scripts(database: Database, query: str, text: str, snippet: str) -> None:
    await talk(database, text, "something else", "气天")
    (found,) = (await find(database, query)).hits
    assert found.snippet.replace(MARK_START, "[").replace(MARK_END, "]") == snippet


@pytest.mark.parametrize(
    "query",
    [
        "'", '"', "((", "))", "a & | ! <-> b", ":*", "\\", "-", "or", "or or or", '"never closed', "a\0b", "\0", "\ud800",
        "😀", "x" * 10_000, "word " * 2_000, '"' * 10_000, "(" * 10_000, "-" * 10_000, "%", "'; DROP TABLE segments; --",
        "- " * 500, "-(" * 500, '-"' * 500, "-" * 999 + "a",
        "<b>bold</b>", "http://example.org/?q=1&r=2", "a" + "\u0301" * 500, "\u202e", "天" * 5_000, '"天',
    ],
)  # fmt: skip
async def test_no_query_breaks_it(database: Database, query: str) -> None:
    await talk(database, "a 😀 bold word: 天气", "b")
    found = await find(database, query)
    assert found.exact
    assert found.total in (0, 1, 2)


async def test_text_that_looks_like_a_mark_is_not_one(database: Database) -> None:
    await talk(database, f"an {MARK_START}evil{MARK_END} word")
    (hit,) = (await find(database, "word")).hits
    assert hit.snippet == f"an evil {MARK_START}word{MARK_END}"


async def test_of_a_long_line_what_surrounds_the_words_is_shown(database: Database) -> None:
    await talk(database, "padding " * 200 + "needle" + " padding" * 200)
    (hit,) = (await find(database, "needle")).hits
    assert f"{MARK_START}needle{MARK_END}" in hit.snippet
    assert len(hit.snippet) < 400


async def test_filters(database: Database) -> None:
    first = await talk(database, "red one", "red two", "red three", "red four")
    second = await talk(database, "red five", "red six", start=NOON + timedelta(days=1))
    async with database.session() as session:
        (opening, *_) = await segments.page(session, first, 0, 1)
        who = await identification.identify(session, RULES, first, opening.id, speaker_name="Ada")
    assert set(texts(await find(database, "red", Filters(speaker_id=who.speaker_id)))) == {"red one", "red three", "red five"}
    assert set(texts(await find(database, "red", Filters(emotion="angry", conversation_id=first)))) == {"red two", "red four"}
    assert texts(await find(database, "red", Filters(conversation_id=second), order="oldest")) == ["red five", "red six"]
    late = Filters(since=NOON + timedelta(seconds=4), until=NOON + timedelta(days=1, seconds=2))
    assert texts(await find(database, "red", late, order="oldest")) == ["red three", "red four", "red five"]
    assert texts(await find(database, "", late, order="newest")) == ["red five", "red four", "red three"]
    assert texts(await find(database, "", replace(late, emotion="angry"))) == ["red four"]
    assert (await find(database, "red", Filters(speaker_id=999))).total == 0


async def test_a_conversation_that_still_goes_on_is_searched(database: Database) -> None:
    id_ = await talk(database, "red")
    async with database.session() as session:
        await session.execute(update(Conversation).where(Conversation.id == id_).values(end_time=None, status="recording"))
    assert (await find(database, "red", Filters(since=NOON))).total == 1


async def test_words_that_stand_close_together_come_first(database: Database) -> None:
    await talk(database, "red as nothing else that anybody has ever seen is this car", "red car", "red and blue car")
    assert texts(await find(database, "red car"))[0] == "red car"


async def test_pages(database: Database) -> None:
    await talk(database, *(f"red {i}" for i in range(7)))
    page = await find(database, "red", order="oldest", skip=2, limit=3)
    assert (texts(page), page.total) == (["red 2", "red 3", "red 4"], 7)
    assert texts(await find(database, "red", order="newest", skip=6, limit=3)) == ["red 0"]
    assert texts(await find(database, "red", skip=7)) == []


@pytest.mark.parametrize("order", ["relevance", "newest", "oldest"])
async def test_of_very_many_hits_some_are_looked_at(database: Database, monkeypatch: pytest.MonkeyPatch, order: str) -> None:
    monkeypatch.setattr(search, "MAX_HITS", 3)
    await talk(database, *(f"red {i}" for i in range(5)))
    found = await find(database, "red", order=order)
    assert (len(found.hits), found.total, found.exact) == (3, 3, False)


async def test_of_very_many_lines_with_the_words_of_a_phrase_the_newest_are_looked_at(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "MAX_PHRASE_CANDIDATES", 3)
    await talk(database, "red car", "red car", "car red", "car red", "red car")
    found = await find(database, '"red car"')
    assert (found.total, found.exact) == (1, False)
    assert (await find(database, '"red car"', order="oldest")).total == 2


async def test_a_search_that_takes_too_long_is_given_up(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    await talk(database, *("red car " * 50 for _ in range(200)))
    monkeypatch.setitem(search.PLANNING, "statement_timeout", "1ms")
    with pytest.raises(search.SearchError, match="rarer words"):
        await find(database, "red car")


async def test_voices_that_nobody_knows_have_their_conversations_names(database: Database) -> None:
    id_ = await talk(database, "red", "green", seeds=(None, None))
    (hit,) = (await find(database, "green")).hits
    async with database.session() as session:
        found = await conversations.get(session, id_)
    assert found is not None
    assert (hit.speaker_id, hit.speaker_name) == (None, found.segments[1].speaker_name)


async def test_lines_are_read_from_the_start_the_end_and_onwards(database: Database) -> None:
    id_ = await talk(database, *(f"line {i}" for i in range(6)))
    async with database.session() as session:
        full = await conversations.get(session, id_)
        assert full is not None
        some = await segments.page(session, id_, 2, 2)
        assert [(line.id, line.text, line.speaker_name) for line in some] == [
            (line.id, line.text, line.speaker_name) for line in full.segments[2:4]
        ]
        assert [line.text for line in await segments.latest(session, id_, 2)] == ["line 4", "line 5"]
        assert [line.text for line in await segments.after(session, id_, some[1].id, 10)] == ["line 4", "line 5"]
        assert await segments.conversation_of(session, some[0].id) == id_
        assert await segments.conversation_of(session, 10**9) is None


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("query_form", ["NFC", "NFD"])
@pytest.mark.parametrize("query", ["josé", '"josé núñez"', "núñez josé"])
async def test_each_unicode_form_finds_each(
    database: Database, form: Literal["NFC", "NFD"], query_form: Literal["NFC", "NFD"], query: str
) -> None:
    await talk(database, normalize(form, "Señor José Núñez"), "Jose Nunez")
    (found,) = (await find(database, normalize(query_form, query))).hits
    assert found.text == normalize(form, "Señor José Núñez")
    assert f"{MARK_START}José{MARK_END}" in found.snippet


@pytest.mark.parametrize(
    ("text", "query", "snippet"),
    [
        ("The invoice is late", "in\u200bvoice\u00a0late", "The [invoice] is [late]"),
        ("The invoice is late", '\ufeff"invoice is"', "The [invoice] [is] late"),
        ("The in\u00advoice\u200e is late\u200f", "invoice late", "The [in\u00advoice]\u200e is [late]\u200f"),
        ("علی\u200cرضا آمد", "علیرضا", "[علی\u200cرضا] آمد"),
        ("علیرضا آمد", "علی\u200cرضا", "[علیرضا] آمد"),
    ],
)
async def test_invisible_characters_hide_no_word(database: Database, text: str, query: str, snippet: str) -> None:
    await talk(database, text, "something else")
    (found,) = (await find(database, query)).hits
    assert (found.text, found.snippet.replace(MARK_START, "[").replace(MARK_END, "]")) == (text, snippet)
