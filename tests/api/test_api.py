"""The routes that need no model, on a real database."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from api.document import document
from pipeline.formats.export import FORMATS
from services.identity import transcripts
from settings import Settings
from storage.conversations import conversations
from storage.postgres.database import Database
from tests.storage.transcripts import RULES, transcript, voice
from tests.support.application import answering, connected, no_stages

MEGABYTE = 2**20
ORIGIN = "https://example.org"


@pytest.fixture
async def api(database: Database, database_url: str, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    settings = Settings(max_upload_mb=1, cors_origins=[ORIGIN])
    async with (
        connected(settings, database_url, tmp_path, no_stages(), None) as context,
        answering(context) as application,
    ):
        yield application.client


async def create(database: Database, count: int) -> list[int]:
    async with database.session() as session:
        return [await conversations.create(session, f"No. {i}", None, "flac") for i in range(count)]


async def test_an_upload_that_says_it_is_too_large_is_refused(api: httpx.AsyncClient) -> None:
    answer = await api.post("/process", files={"audio_file": ("long.wav", bytes(MEGABYTE + 1))})
    assert answer.status_code == 413
    assert answer.json() == {"detail": "The upload is larger than 1 MB. Send less, or raise MAX_UPLOAD_MB."}


async def test_an_upload_that_does_not_say_how_large_it_is_is_refused(api: httpx.AsyncClient) -> None:
    sent = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal sent
        yield b'--x\r\nContent-Disposition: form-data; name="audio_file"; filename="long.wav"\r\n\r\n'
        while True:
            sent += 2**16
            yield bytes(2**16)

    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = await api.post("/process", content=chunks(), headers=headers)
    assert answer.status_code == 413
    assert "MAX_UPLOAD_MB" in answer.json()["detail"]
    assert sent < 2 * MEGABYTE


async def test_pages(api: httpx.AsyncClient, database: Database) -> None:
    ids = await create(database, 5)
    page = (await api.get("/conversations", params={"skip": 1, "limit": 2})).json()
    assert [item["id"] for item in page["conversations"]] == [ids[3], ids[2]]
    assert (page["total"], page["skip"], page["limit"]) == (5, 1, 2)
    assert (await api.get("/conversations", params={"skip": 99})).json()["conversations"] == []


async def test_the_list_can_be_filtered_by_status(api: httpx.AsyncClient, database: Database) -> None:
    first, second = await create(database, 2)
    async with database.session() as session:
        await conversations.fail(session, first, "It was too quiet.")
    failed = (await api.get("/conversations", params={"status": "failed"})).json()
    assert ([item["id"] for item in failed["conversations"]], failed["total"]) == ([first], 1)
    assert (await api.get(f"/conversations/{first}")).json()["error"] == "It was too quiet."
    assert (await api.get(f"/conversations/{second}/progress")).json()["status"] == "processing"


async def test_a_segment_whose_recording_is_gone_is_a_404(api: httpx.AsyncClient, database: Database) -> None:
    async with database.session() as session:
        conversation = await conversations.create(session, "Gone", "0" * 32 + ".flac", "flac")
        await transcripts.save(session, conversation, transcript([voice(1)]), RULES)
    segment = (await api.get(f"/conversations/{conversation}")).json()["segments"][0]["id"]
    answer = await api.get(f"/conversations/segments/{segment}/audio")
    assert (answer.status_code, answer.json()) == (404, {"detail": "Audio file not found for this segment"})


@pytest.mark.parametrize("path", ["/conversations/7", "/conversations/7/progress", "/conversations/7/transcript"])
async def test_what_is_not_there_is_a_404(api: httpx.AsyncClient, path: str) -> None:
    answer = await api.get(path)
    assert (answer.status_code, answer.json()) == (404, {"detail": "Conversation not found"})


async def test_liveness_is_not_readiness(api: httpx.AsyncClient) -> None:
    assert (await api.get("http://localhost/health/live")).status_code == 200
    answer = await api.get("http://localhost/health/ready")
    assert answer.status_code == 503
    assert answer.json() == {"detail": "A stage of the graph does not answer; see the server's log."}


async def test_pages_of_configured_origins_may_call(api: httpx.AsyncClient) -> None:
    allowed = await api.get("/conversations", headers={"Origin": ORIGIN})
    assert allowed.headers["access-control-allow-origin"] == ORIGIN
    foreign = await api.get("/conversations", headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in foreign.headers


@pytest.mark.parametrize("body", ['{"title": NaN}', '{"title": Infinity}', '{"title": "x", "\\ud800": 1}', '["\\udfff"]', "{"])
async def test_bodies_that_cannot_be_repeated_are_refused_all_the_same(
    api: httpx.AsyncClient, database: Database, body: str
) -> None:
    (conversation,) = await create(database, 1)
    answer = await api.patch(f"/conversations/{conversation}", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["detail"][0].keys() == {"type", "loc", "msg"}


async def test_a_field_of_a_wrong_form_is_listed_as_clients_of_the_reference_system_read_it(
    api: httpx.AsyncClient, database: Database
) -> None:
    (conversation,) = await create(database, 1)
    answer = await api.patch(f"/conversations/{conversation}", json={"title": 7})
    (fault,) = answer.json()["detail"]
    assert (answer.status_code, fault["loc"], fault["msg"]) == (422, ["body", "title"], "Input should be a valid string")
    described = (await api.get("http://localhost/openapi.json")).json()["info"]["description"]
    assert "a 422 with a list" in described  # not the sentence of other errors


def test_errors_are_documented_as_they_are_sent() -> None:
    """Also those of routes that answer HTML, sound or events."""
    operations = [operation for path in document()["paths"].values() for operation in path.values()]
    answers = [(int(status), answer) for operation in operations for status, answer in operation["responses"].items()]
    errors = [list(answer["content"]) for status, answer in answers if status >= 400 and "content" in answer]
    assert len(errors) > 500
    assert all(media_types == ["application/json"] for media_types in errors)


def test_events_are_documented_as_objects() -> None:
    found = document()["paths"]["/api/v1/events"]["get"]["responses"]["200"]["content"]["text/event-stream"]["schema"]
    assert found["type"] == "object"


async def test_a_transcript_has_a_documented_type(api: httpx.AsyncClient, database: Database) -> None:
    (id_,) = await create(database, 1)
    documented = document()["paths"]["/api/v1/conversations/{conversation_id}/transcript"]["get"]["responses"]["200"]["content"]
    for format in ("json", *FORMATS):
        answer = await api.get(f"/conversations/{id_}/transcript", params={"format": format})
        assert answer.headers["content-type"].partition(";")[0] in documented, format
