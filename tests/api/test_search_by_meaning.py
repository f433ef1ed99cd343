"""Search by meaning with the real model: what is stored, live or edited is found, what is erased is not."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text, update
from sqlalchemy.ext.asyncio import AsyncSession

from engines.in_process import LocalTextEmbedder, load_text_embedder
from pipeline.stages import Stages, TextsNotEmbeddedError
from pipeline.types import TextVectors, Word
from services.identity import transcripts
from services.search import indexer, understanding
from settings import Settings
from storage.conversations import conversations
from storage.postgres.database import Database
from storage.postgres.page_cache import read_ahead
from storage.search import pending_vectors
from storage.tables import Conversation
from tests.storage.transcripts import MODEL, RULES, transcript, voice
from tests.support import clock
from tests.support.application import Application, running

MEETING = (
    "The budget for marketing was cut by a third.",
    "We will hire two engineers in spring.",
    "The coffee machine in the kitchen is broken again.",
    "Our customers complain about slow deliveries.",
)
TODAY = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
DREI = ("Der Hund schläft auf dem Sofa.", "Das Wetter wird morgen schlechter.")


@pytest.fixture(scope="module")
def embedder() -> LocalTextEmbedder:
    return load_text_embedder(Settings(cpu_threads=1))


@pytest.fixture
async def application(
    database: Database, database_url: str, tmp_path: Path, embedder: LocalTextEmbedder
) -> AsyncIterator[Application]:
    nobody: Any = None
    stages = Stages(nobody, nobody, nobody, nobody, text=embedder)
    await talk(database, *MEETING)  # before the program starts: an archive
    async with running(Settings(), database_url, tmp_path, stages, MODEL) as application:
        await embedded(database)
        yield application


async def talk(database: Database, *texts: str) -> int:
    content = transcript([voice(1), voice(2)], lines=len(texts))
    said = [
        replace(segment, words=(Word(f" {text}", segment.start, segment.end, 0.9),))
        for segment, text in zip(content.segments, texts, strict=True)
    ]
    async with database.session() as session:
        id_ = await conversations.create(session, "A meeting", None, "flac")
        await transcripts.save(session, id_, replace(content, segments=tuple(said)), RULES)
    return id_


async def embedded(database: Database) -> None:
    """Wait until no text waits for its vector."""
    async with asyncio.timeout(120):
        while True:
            async with database.session() as session:
                if not await pending_vectors.count(session):
                    return
            await asyncio.sleep(0.02)


async def find(client: httpx.AsyncClient, q: str, **params: Any) -> dict[str, Any]:
    answer = await client.get("/search", params={"q": q, **params})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def texts(found: dict[str, Any]) -> list[str]:
    return [hit["text"] for hit in found["results"]]


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("less money for advertising", MEETING[0]),
        ("recruiting developers", MEETING[1]),
        ("recruter des ingénieurs", MEETING[1]),
        ("Kunden unzufrieden mit der Lieferzeit", MEETING[3]),
    ],
)
async def test_what_means_the_same_is_found_in_any_language(application: Application, query: str, text: str) -> None:
    found = await find(application.client, query)
    assert texts(found)[0] == text
    assert (found["total"], found["note"]) == (4, None)
    first = found["results"][0]
    assert first["matched"] == "meaning"
    assert 0.7 < first["similarity"] < 1


async def test_words_come_before_meaning(application: Application) -> None:
    found = await find(application.client, "kitchen")
    assert [hit["matched"] for hit in found["results"]] == ["words", *["meaning"] * 3]
    assert texts(found)[0] == MEETING[2]
    assert "<mark>kitchen</mark>" in found["results"][0]["snippet"]
    assert found["results"][0]["similarity"] > 0.7
    assert len({hit["id"] for hit in found["results"]}) == found["total"] == 4
    second = await find(application.client, "kitchen", skip=1, limit=2)
    assert texts(second) == texts(found)[1:3]


@pytest.mark.parametrize(
    ("params", "total"),
    [
        ({"q": "kitchen", "mode": "words"}, 1),
        ({"q": '"the kitchen"'}, 1),
        ({"q": "machine -kitchen"}, 0),
        ({"q": "kitchen or marketing"}, 2),
        ({"q": "kitchen", "order": "newest"}, 1),
        ({"q": "kitchen", "mode": "meaning"}, 4),
        ({"q": "kitchen", "emotion": "sad"}, 0),
        ({"q": "kitchen", "until": "2020-01-01T00:00:00Z"}, 0),
        ({"q": "kitchen", "tag": "nothing"}, 0),
        ({"q": "advertising", "speaker_id": 1}, 2),
        ({"q": "", "mode": "meaning"}, 4),
    ],
)
async def test_operators_modes_and_filters(application: Application, params: dict[str, Any], total: int) -> None:
    found = await find(application.client, **params)
    assert found["total"] == total
    if params.get("speaker_id"):
        assert texts(found)[0] == MEETING[0]


async def test_what_is_stored_edited_and_erased_is_found_so_at_once(application: Application, database: Database) -> None:
    client = application.client
    conversation = await talk(database, *DREI)
    await embedded(database)
    (hit, *_) = (await find(client, "sleeping pet"))["results"]
    assert hit["text"] == DREI[0]
    path = f"/conversations/{conversation}/segments/{hit['id']}"
    assert (await client.patch(path, json={"text": "Die Katze jagt eine Maus."})).status_code == 200
    await embedded(database)
    (edited, *_) = (await find(client, "a cat hunting rodents", mode="meaning"))["results"]
    assert edited["id"] == hit["id"]
    assert (await client.post(f"/conversations/{conversation}/undo")).status_code == 200
    await embedded(database)
    (undone, *_) = (await find(client, "sleeping pet", mode="meaning"))["results"]
    assert (undone["id"], undone["text"]) == (hit["id"], DREI[0])
    assert (await client.post(f"/conversations/{conversation}/erase")).status_code == 200
    assert hit["id"] not in [found["id"] for found in (await find(client, "sleeping pet"))["results"]]


async def test_hits_are_grouped_by_conversation(application: Application, database: Database) -> None:
    other = await talk(database, "The marketing budget grows.", "Bananas are yellow.", "The budget was cut again.")
    await embedded(database)
    found = await find(application.client, "budget", grouped=True)
    conversations_of = [hit["conversation_id"] for hit in found["results"]]
    assert conversations_of == sorted(conversations_of, key=conversations_of.index)
    assert conversations_of[0] == other
    assert found["total"] == 7


async def test_people_and_times_in_a_query_are_filters_that_can_be_removed(
    application: Application, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = application.client
    clock.stop(monkeypatch, understanding, TODAY + timedelta(minutes=5))
    async with database.session() as session:
        await session.execute(update(Conversation).values(start_time=TODAY))
    speakers = (await client.get("/speakers")).json()
    first = next(speaker for speaker in speakers if speaker["name"] == "Unknown_01")
    assert (await client.patch(f"/speakers/{first['id']}/rename", json={"new_name": "Nick Miller"})).status_code == 200
    question = "what did Nick say about advertising today?"
    found = await find(client, question)
    who, when = found["recognized"]
    assert (who["text"], who["speaker_id"], who["speaker_name"]) == ("Nick", first["id"], "Nick Miller")
    assert (when["text"], when["speaker_id"]) == ("today", None)
    assert when["since"] < found["results"][0]["time"] < when["until"]
    assert found["words"] == "advertising"
    assert texts(found) == [MEETING[0], MEETING[2]]
    assert {hit["speaker_name"] for hit in found["results"]} == {"Nick Miller"}
    without = await find(client, found["words"], speaker_id=first["id"], interpret=False)
    assert (texts(without), without["recognized"]) == (texts(found), [])
    assert (await find(client, question, interpret=False))["words"] == question
    assert texts(await find(client, "what did Nick say last year about advertising")) == []
    everything = await find(client, "Was hat Nick gesagt?")
    assert [hit["matched"] for hit in everything["results"]] == [None, None]
    nobody = await find(client, "what did Zoe say about advertising?", timezone="Europe/Berlin")
    assert (nobody["words"], nobody["recognized"], nobody["total"]) == ("Zoe advertising", [], 4)
    assert (await client.get("/search", params={"q": "x", "timezone": "../etc"})).status_code == 422


async def test_words_of_the_query_as_it_is_written_come_first(application: Application, database: Database) -> None:
    await talk(database, "We saw the budget last month.", "Nothing of that was said.")
    found = await find(application.client, "budget last month")
    assert texts(found)[0] == "We saw the budget last month."
    assert found["recognized"][0]["text"] == "last month"
    assert found["total"] == 1


class Refusing:
    async def embed_query(self, text: str) -> TextVectors:
        raise TextsNotEmbeddedError("There is no model: fetch one.")

    async def embed_passages(self, texts: object) -> TextVectors:
        raise TextsNotEmbeddedError("There is no model: fetch one.")


async def test_without_a_model_words_are_found_and_it_is_told(database: Database, database_url: str, tmp_path: Path) -> None:
    nobody: Any = None
    await talk(database, *MEETING)
    for embeds, note in ((Refusing(), "There is no model: fetch one."), (None, "no model for search by meaning")):
        stages = Stages(nobody, nobody, nobody, nobody, text=embeds)
        async with running(Settings(), database_url, tmp_path, stages, MODEL) as application:
            found = await find(application.client, "kitchen", mode="meaning")
            assert texts(found) == [MEETING[2]]
            assert note in found["note"]


async def test_what_searches_read_is_read_ahead_when_the_program_starts(
    database: Database, database_url: str, tmp_path: Path, embedder: LocalTextEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    await talk(database, *MEETING)
    async with database.autocommit() as connection:
        await connection.execute(text("CHECKPOINT"))  # what is written is in its file after it
    read: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def observed(session: AsyncSession, tables: Sequence[str]) -> int:
        read.set_result(await read_ahead(session, tables))
        return read.result()

    monkeypatch.setattr(indexer, "read_ahead", observed)
    nobody: Any = None
    stages = Stages(nobody, nobody, nobody, nobody, text=embedder)
    async with running(Settings(), database_url, tmp_path, stages, MODEL), asyncio.timeout(60):
        assert await read > 0
