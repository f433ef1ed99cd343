"""Many conversations changed in one request."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select, update

from pipeline.access import Role
from storage.conversations import tags
from storage.postgres.database import Database
from storage.tables import AuditEntry, Conversation
from tests.storage.archive import add_speaker, add_talk
from tests.support.application import Application
from tests.support.fixed_stages import sound
from tests.support.principals import become, person

MISSING_ID = 999_999


async def talks(database: Database, count: int) -> list[int]:
    async with database.session() as session:
        ann = await add_speaker(session, "Ann")
        return [await add_talk(session, [ann], 2, seed=100 * n) for n in range(count)]


async def bulk(application: Application, ids: list[int], action: str, *given: str) -> dict[int, str | None]:
    """The errors by conversation."""
    body: dict[str, Any] = {"ids": ids, "action": action} | ({"tags": given} if given else {})
    answer = await application.client.post("/conversations/bulk", json=body)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    errors = {one["id"]: one["error"] for one in found["results"]}
    assert list(errors) == ids
    assert found["changed"] == list(errors.values()).count(None)
    return errors


async def tags_of(application: Application, id_: int) -> list[str]:
    found: list[str] = (await application.client.get(f"/conversations/{id_}")).json()["tags"]
    return found


async def audited(database: Database) -> list[tuple[str, str | None]]:
    async with database.session() as session:
        rows = await session.execute(select(AuditEntry.action, AuditEntry.object).order_by(AuditEntry.id))
        return [(action, target) for action, target in rows]


async def test_tags_are_added_and_removed(application: Application, database: Database) -> None:
    first, second = await talks(database, 2)
    full = [f"tag {n}" for n in range(20)]
    async with database.session() as session:
        await tags.replace(session, first, ["work"])
        await tags.replace(session, second, full)
    errors = await bulk(application, [second, MISSING_ID, first], "add_tags", "WORK", "New")
    assert errors.pop(second) == "A conversation has at most 20 tags: remove some first."
    assert errors == {MISSING_ID: "Conversation not found", first: None}
    assert await tags_of(application, first) == ["New", "work"]
    assert sorted(await tags_of(application, second)) == sorted(full)
    assert await bulk(application, [first, second], "remove_tags", "new", "TAG 3", "none") == {first: None, second: None}
    assert await tags_of(application, first) == ["work"]
    assert len(await tags_of(application, second)) == 19
    assert await audited(database) == [("conversation.tag", f"conversation:{id_}") for id_ in (first, first, second)]


async def test_what_is_not_active_is_deleted(application: Application, database: Database, tmp_path: Path) -> None:
    first, busy, third = await talks(database, 3)
    recording = tmp_path / "talk.flac"
    await asyncio.to_thread(recording.write_bytes, sound())
    key = await application.context.store.put(recording, ".flac")
    async with database.session() as session:
        await session.execute(update(Conversation).where(Conversation.id == busy).values(status="processing"))
        await session.execute(update(Conversation).where(Conversation.id == first).values(audio_key=key))
    errors = await bulk(application, [third, busy, MISSING_ID, first], "delete")
    assert errors[busy] == "Cannot delete an active conversation; stop/finalize it first"
    assert errors == {third: None, busy: errors[busy], MISSING_ID: "Conversation not found", first: None}
    left = (await application.client.get("/conversations")).json()["conversations"]
    assert [one["id"] for one in left] == [busy]
    assert not (tmp_path / "audio" / key).exists()
    assert await audited(database) == [("conversation.delete", f"conversation:{id_}") for id_ in (third, first)]


async def test_one_that_becomes_active_meanwhile_stops_no_other(
    application: Application, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = await talks(database, 2)
    delete_all = application.context.erasure.delete_conversations

    async def claimed_first(ids: list[int]) -> Any:
        async with database.session() as session:
            await session.execute(update(Conversation).where(Conversation.id == first).values(status="processing"))
        return await delete_all(ids)

    monkeypatch.setattr(application.context.erasure, "delete_conversations", claimed_first)
    errors = await bulk(application, [first, second], "delete")
    assert errors == {first: "Cannot delete an active conversation; stop/finalize it first", second: None}


async def test_recordings_are_queued_again(application: Application, database: Database, tmp_path: Path) -> None:
    first, without, lost = await talks(database, 3)
    recording = tmp_path / "talk.flac"
    await asyncio.to_thread(recording.write_bytes, sound())
    key = await application.context.store.put(recording, ".flac")
    async with database.session() as session:
        for id_, its in ((first, key), (lost, "0" * 32 + ".flac")):
            await session.execute(update(Conversation).where(Conversation.id == id_).values(audio_key=its))
    body = {"ids": [without, first, lost, first], "action": "reprocess"}
    results = (await application.client.post("/conversations/bulk", json=body)).json()["results"]
    (job,) = (await application.client.get("/jobs")).json()["jobs"]
    missing = "Audio file not found"
    assert [(one["id"], one["error"]) for one in results] == [(without, missing), (first, None), (lost, missing)]
    assert [one["job_id"] for one in results] == [None, job["id"], None]
    assert await bulk(application, [first], "reprocess") == {first: "Conversation is already active"}


async def test_each_needs_the_role_and_the_sight_of_its_own_route(application: Application, database: Database) -> None:
    ids = await talks(database, 2)
    alice, bob = await person(database, "alice"), await person(database, "bob")
    reader, admin = await person(database, "rea", Role.READER), await person(database, "root", Role.ADMIN)
    async with database.session() as session:
        hidden = update(Conversation).where(Conversation.id == ids[0])
        await session.execute(hidden.values(owner_id=alice.person_id, visibility="private"))

    async def ask(**body: Any) -> httpx.Response:
        return await application.client.post("/conversations/bulk", json={"ids": ids, **body})

    become(application.client, reader)
    assert (await ask(action="add_tags", tags=["a"])).status_code == 403
    become(application.client, bob)
    refused = await ask(action="delete")
    assert (refused.status_code, "role 'admin'" in refused.json()["detail"]) == (403, True)
    assert await bulk(application, ids, "add_tags", "a") == {ids[0]: "Conversation not found", ids[1]: None}
    become(application.client, admin)
    assert await tags_of(application, ids[0]) == []
    assert await bulk(application, ids, "delete") == dict.fromkeys(ids)


async def test_requests_that_are_none_are_refused(application: Application) -> None:
    wrong: list[dict[str, Any]] = [
        {"ids": [], "action": "delete"},
        {"ids": [0], "action": "delete"},
        {"ids": [2**31], "action": "delete"},
        {"ids": list(range(1, 502)), "action": "delete"},
        {"ids": [1], "action": "explode"},
        {"ids": [1], "action": "add_tags"},
        {"ids": [1], "action": "remove_tags", "tags": [""]},
        {"ids": [1], "action": "delete", "tags": ["a"]},
        {"ids": [1], "action": "reprocess", "language": "en"},
    ]
    for body in wrong:
        assert (await application.client.post("/conversations/bulk", json=body)).status_code == 422, body
