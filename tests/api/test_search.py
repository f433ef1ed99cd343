"""`GET /search`, on a real database."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from pipeline.stages import Stages
from settings import Settings
from storage.postgres.database import Database
from tests.storage.archive import add_speaker, add_talk
from tests.storage.transcripts import MODEL
from tests.support.application import running


@pytest.fixture
async def api(database: Database, database_url: str, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    nobody: Any = None
    stages = Stages(nobody, nobody, nobody, nobody)
    async with database.session() as session:
        await add_talk(session, [await add_speaker(session, "Ada & Bo"), None])
    async with running(Settings(), database_url, tmp_path, stages, MODEL) as application:
        yield application.client


async def test_hits_are_marked_for_a_page(api: httpx.AsyncClient) -> None:
    found = (await api.get("/search", params={"q": '"line 2"'})).json()
    assert (found["total"], found["total_is_exact"], found["skip"], found["limit"]) == (1, True, 0, 20)
    (hit,) = found["results"]
    assert hit["snippet"] == "<mark>Line</mark> <mark>2</mark>."
    assert (hit["text"], hit["speaker_name"], hit["title"], hit["start_offset"]) == ("Line 2.", "Ada & Bo", "A talk", 4.0)
    assert hit["time"].endswith("Z")


async def test_filters(api: httpx.AsyncClient) -> None:
    async def texts(**params: Any) -> list[str]:
        answer = await api.get("/search", params=params)
        assert answer.status_code == 200
        return [hit["text"] for hit in answer.json()["results"]]

    assert await texts(q="line", speaker="ada & bo", order="oldest") == ["Line 0.", "Line 2."]
    assert await texts(speaker_id=1, order="oldest", skip=1) == ["Line 2."]
    assert await texts(q="line", emotion="HAPPY", conversation_id=1, limit=1, order="newest") == ["Line 3."]
    assert await texts(q="line", since="2099-01-01T00:00:00") == []
    assert await texts(q="line", until="2099-01-01T00:00:00Z", emotion="sad") == []


@pytest.mark.parametrize(
    ("params", "status", "says"),
    [
        ({"speaker": "Nobody"}, 404, "There is no speaker 'Nobody'"),
        ({"speaker": "Ada"}, 404, "Perhaps you mean Ada & Bo."),
        ({"q": "x" * 1001}, 422, "1000"),
        ({"emotion": "hangry"}, 422, "use one of"),
        ({"order": "loudest"}, 422, "relevance"),
        ({"since": "yesterday"}, 422, "date"),
    ],
)
async def test_what_makes_no_sense(api: httpx.AsyncClient, params: dict[str, str], status: int, says: str) -> None:
    answer = await api.get("/search", params=params)
    assert answer.status_code == status
    assert says in answer.text


@pytest.mark.parametrize("q", ["'", '"', "(", "a\0b", "\ud7ff😀", "-" * 900, "%00", "<script>"])
async def test_no_query_is_too_much(api: httpx.AsyncClient, q: str) -> None:
    assert (await api.get("/search", params={"q": q})).status_code == 200
