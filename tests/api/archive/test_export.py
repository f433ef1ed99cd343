"""Many transcripts in one ZIP archive."""

import io
import json
import zipfile
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select, update

from pipeline.formats.export import FORMATS
from services.conversations import export
from storage.conversations import conversations
from storage.postgres.database import Database
from storage.tables import AuditEntry, Conversation
from tests.storage.archive import add_speaker, add_talk
from tests.support.application import Application
from tests.support.principals import become, person

MISSING_ID = 999_999


async def talks(database: Database, *titles: str | None) -> list[int]:
    async with database.session() as session:
        ann = await add_speaker(session, "Ann")
        ids = [await add_talk(session, [ann], 3, seed=100 * n) for n in range(len(titles))]
        for id_, title in zip(ids, titles, strict=True):
            start = datetime(2026, 3, 1, 12, tzinfo=UTC)
            await session.execute(update(Conversation).where(Conversation.id == id_).values(title=title, start_time=start))
    return ids


async def unpacked(application: Application, ids: list[int], format: str) -> dict[str, str]:
    answer = await application.client.post("/conversations/export", json={"ids": ids, "format": format})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/zip"
    assert 'filename="conversations.zip"' in answer.headers["content-disposition"]
    with zipfile.ZipFile(io.BytesIO(answer.content)) as file:
        assert file.testzip() is None
        return {one.filename: file.read(one).decode() for one in file.infolist()}


async def test_each_file_is_that_of_its_own_route(application: Application, database: Database) -> None:
    first, second, third = ids = await talks(database, "Plans", "plans", None)
    for format in ("json", *FORMATS):
        found = await unpacked(application, [*ids, first], format)
        assert list(found) == [f"Plans ({first}).{format}", f"plans ({second}).{format}", f"Conversation ({third}).{format}"]
        for id_, content in zip(ids, found.values(), strict=True):
            alone = await application.client.get(f"/conversations/{id_}/transcript", params={"format": format})
            assert content.encode() == alone.content
            assert "Ann" in content
    assert json.loads((await unpacked(application, ids, "json"))[f"Plans ({first}).json"])["id"] == first


async def test_titles_lead_out_of_no_directory(application: Application, database: Database) -> None:
    ids = await talks(database, "../../../etc/passwd", "/root/.ssh", "..\\..\\a", "\u202ecod.exe")
    for name in await unpacked(application, ids, "txt"):
        assert not set('/\\:"<>|?*\u202e') & set(name)
        assert not name.startswith((".", "-"))


async def test_what_is_not_there_is_named_and_all_exports_are_recorded(application: Application, database: Database) -> None:
    alice, bob = await person(database, "alice"), await person(database, "bob")
    mine, other = await talks(database, "Mine", "Other")
    async with database.session() as session:
        hidden = update(Conversation).where(Conversation.id == other)
        await session.execute(hidden.values(owner_id=alice.person_id, visibility="private"))
    become(application.client, bob)
    found = await unpacked(application, [other, mine, MISSING_ID], "srt")
    assert list(found) == [f"Mine ({mine}).srt", export.LEFT_OUT]
    assert found[export.LEFT_OUT] == f"{other}: Conversation not found\n{MISSING_ID}: Conversation not found\n"
    refused = await application.client.post("/conversations/export", json={"ids": [other], "format": "srt"})
    assert (refused.status_code, refused.json()["detail"]) == (404, "Conversation not found")
    become(application.client, None)
    async with database.session() as session:
        exports = select(AuditEntry.principal, AuditEntry.object).where(AuditEntry.action == "conversation.export")
        entries = (await session.execute(exports)).all()
    assert [tuple(entry) for entry in entries] == [(bob.principal.name, f"conversation:{mine}")]


async def test_it_is_sent_file_by_file(application: Application, database: Database) -> None:
    ids = await talks(database, *"abcdef")
    parts = [part async for part in await export.archive(database, ids, "txt")]
    assert len(parts) == len(ids) + 1
    assert all(part.startswith(b"PK") for part in parts)
    async with database.session() as session:
        await session.execute(
            update(Conversation).where(Conversation.id == ids[0]).values(start_time=datetime(1, 1, 2, tzinfo=UTC))
        )
    rest = await export.archive(database, ids[:2], "txt")
    begun = await anext(rest)
    async with database.session() as session:
        await conversations.remove(session, ids[1])
    content = begun + b"".join([part async for part in rest])
    with zipfile.ZipFile(io.BytesIO(content)) as file:  # the second was deleted while the first was sent
        assert file.namelist() == [f"a ({ids[0]}).txt", export.LEFT_OUT]


async def test_what_is_no_request_is_refused(application: Application) -> None:
    wrong: list[dict[str, Any]] = [
        {"ids": []},
        {"ids": [1], "format": "docx"},
        {"ids": [2**31]},
        {"ids": list(range(1, 502))},
        {},
    ]
    for body in wrong:
        assert (await application.client.post("/conversations/export", json=body)).status_code == 422, body
