"""Routes that work while the stages do not answer, and routes that answer 503."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from mcp import Client

from mcp_server.server import Server
from services.context import AppContext
from settings import Settings
from storage import vocabulary
from storage.postgres.database import Database
from storage.vocabulary import StoredVocabulary
from tests.api.test_speakers import keep, segments
from tests.support.application import Application, answering, connected, no_stages


@pytest.fixture
async def application(database: Database, database_url: str, tmp_path: Path) -> AsyncIterator[Application]:
    async with (
        connected(Settings(), database_url, tmp_path, no_stages(), embedding_model=None) as context,
        answering(context) as application,
    ):
        yield application


async def test_acts_that_compare_no_voices_need_no_model(application: Application, database: Database) -> None:
    conversation = await keep(database, 1, 2)
    api = application.client
    renamed = await api.patch("/speakers/1/rename", json={"new_name": "Ada"})
    assert (renamed.status_code, renamed.json()["name"]) == (200, "Ada")
    assert {line["speaker_name"] for line in await segments(api, conversation)} == {"Ada", "Unknown_02"}
    undone = await api.post("/speakers/undo")
    assert (undone.status_code, undone.json()["description"]) == (200, "Unknown_01 was renamed to Ada")
    assert (await api.delete("/speakers/1")).status_code == 200
    assert (await api.post("/speakers/undo")).status_code == 200
    assert (await api.delete("/speakers/unknown/all")).json()["deleted_speakers"] == ["Unknown_01", "Unknown_02"]
    assert (await api.get("/speakers")).json() == []


async def test_acts_that_compare_voices_say_that_they_need_one(application: Application, database: Database) -> None:
    conversation = await keep(database, 1, 2)
    api = application.client
    segment = (await segments(api, conversation))[0]["id"]
    answers = [
        await api.post("/speakers/1/merge", json={"into": 2}),
        await api.post(f"/conversations/{conversation}/segments/{segment}/identify", json={"speaker_name": "Ada"}),
        await api.get("/speakers/suggestions"),
    ]
    assert {answer.status_code for answer in answers} == {503}
    assert len((await api.get("/speakers")).json()) == 2


async def test_the_vocabulary_is_read_and_cannot_be_checked(application: Application, database: Database) -> None:
    async with database.session() as session:
        await vocabulary.replace(session, StoredVocabulary(["Siobhán"], True))
    api, path = application.client, "/settings/vocabulary"
    stored = {"hotwords": ["Siobhán"], "include_speaker_names": True, "speaker_names": None, "left_out": None}
    assert (await api.get(path)).json() == stored
    refused = await api.put(path, json={"hotwords": ["pgvector"]})
    assert (refused.status_code, refused.json()) == (
        503,
        {"detail": "The models do not answer; wait until GET /health/ready does."},
    )
    assert (await api.get(path)).json() == stored


async def test_agents_may_rename_too(application: Application, database: Database) -> None:
    await keep(database, 1)

    @asynccontextmanager
    async def lifespan(_server: object) -> AsyncIterator[AppContext]:
        yield application.context

    async with Client(Server(lifespan)) as client:
        renamed = await client.call_tool("rename_speaker", {"speaker_id": 1, "new_name": "Ada"})
        merged = await client.call_tool("merge_speakers", {"speaker_id": 1, "into_speaker_id": 2})
    assert not renamed.is_error
    assert merged.is_error
    assert (await application.client.get("/speakers/1")).json()["name"] == "Ada"
