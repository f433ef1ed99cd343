"""Conversations belong to people. Other people cannot see them by any route or tool, unless they are shared."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import select, text, update

from mcp_server.server import TOOLS
from pipeline.access import LOCAL, Role, Visibility
from services.identity import transcripts
from settings import Settings
from storage.access import people
from storage.access.visibility import sees_conversations
from storage.conversations import conversations, labels, live_recordings
from storage.jobs import jobs
from storage.jobs.options import JobOptions
from storage.postgres.database import Database
from storage.search import listing
from storage.tables import Conversation, Person
from tests.api.mcp.conftest import held
from tests.storage.people import talk
from tests.storage.transcripts import MODEL, RULES, voice
from tests.storage.waiting import await_lock_waiter
from tests.support.application import Application, answering, connected, no_stages
from tests.support.fixed_stages import sound
from tests.support.principals import Caller, become, person, program

MISSING_ID = 999_999
ROUTES_OF_IDS = re.compile(r"\{(conversation_id|segment_id|job_id)\}")


@dataclass(frozen=True)
class House:
    """Alice owns a conversation. Bob is a writer without access to it."""

    application: Application
    alice: Caller
    bob: Caller
    conversation: int
    segment: int
    job: int

    @property
    def client(self) -> httpx.AsyncClient:
        return self.application.client

    async def tool(self, name: str, **arguments: Any) -> str:
        """The text of a tool's result, or of its refusal."""
        return await self.rpc("tools/call", {"name": name, "arguments": arguments})

    async def rpc(self, method: str, params: dict[str, Any]) -> str:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        headers = {"Accept": "application/json, text/event-stream"}
        answer = await self.client.post("http://localhost/mcp", json=body, headers=headers)
        assert answer.status_code in (200, 400), answer.text
        return answer.text


@pytest.fixture
async def house(database: Database, database_url: str, tmp_path: Path) -> AsyncIterator[House]:
    settings = Settings(speaker_threshold=RULES.voice.speaker_threshold, data_path=tmp_path)
    async with connected(settings, database_url, tmp_path / "audio", no_stages(), MODEL) as context:
        recording = tmp_path / "talk.flac"
        await asyncio.to_thread(recording.write_bytes, sound())
        alice, bob = await person(database, "alice"), await person(database, "bob")
        key = await context.store.put(recording, ".flac")
        async with database.session() as session:
            id_ = await conversations.create(session, "Alice's", key, "flac", creator=alice.principal)
            await transcripts.save(session, id_, talk([voice(1), voice(2)]), RULES)
            job = await jobs.enqueue(session, id_, JobOptions(), 60.0, max_queued=9)
            found = await conversations.get(session, id_)
            assert found is not None
            segment = found.segments[0].id
            await labels.put(session, id_, {segment: "Ann"})
        async with answering(context) as application, held(application.app.router.lifespan_context(application.app)):
            yield House(application, alice, bob, id_, segment, job)


def routes(application: Application) -> list[tuple[str, str]]:
    """Method and path of each route with the id of something that belongs to a conversation."""
    found = [
        (method.upper(), path.removeprefix("/api/v1"))
        for path, methods in application.app.openapi()["paths"].items()
        for method in methods
        if ROUTES_OF_IDS.search(path)
    ]
    assert len(found) >= 25
    return found


async def test_a_stranger_gets_the_answer_to_what_does_not_exist(house: House) -> None:
    """On every route, also those that will be added."""
    become(house.client, house.bob)
    own = {"conversation_id": house.conversation, "segment_id": house.segment, "job_id": house.job}
    for method, path in routes(house.application):
        hidden = await house.client.request(method, path.format_map(own))
        missing = await house.client.request(method, path.format_map(dict.fromkeys(own, MISSING_ID)))
        assert (hidden.status_code, hidden.content) == (missing.status_code, missing.content), (method, path)
        if hidden.status_code != 404:  # then it is for administrators, whatever the conversation
            assert hidden.status_code == 403, (method, path)
            assert "role 'admin'" in hidden.json()["detail"]
    become(house.client, None)
    everything = (await house.client.get(f"/conversations/{house.conversation}")).json()
    assert everything["title"] == "Alice's"  # no request has changed anything
    assert everything["num_segments"] == 4


async def test_a_stranger_gets_the_same_from_every_tool(house: House) -> None:
    become(house.client, house.bob)
    about = [tool.__name__ for tool, *_ in TOOLS if {"conversation_id", "segment_id"} & set(tool.__annotations__)]
    assert len(about) >= 9
    more = {"speaker_name": "Ada", "title": "Mine", "emotion": "sad", "question": "What?"}
    for (tool, *_), name in ((tool, tool[0].__name__) for tool in TOOLS if tool[0].__name__ in about):
        taken = set(tool.__annotations__)
        extra = {key: value for key, value in more.items() if key in taken and name != "speaker_statistics"}
        for ids in ({"conversation_id": house.conversation}, {"segment_id": house.segment}):
            if not ids.keys() <= taken or (name.startswith(("correct", "identify")) and "conversation_id" in ids):
                continue
            if name == "correct_transcript":  # takes both
                continue
            hidden = await house.tool(name, **ids, **extra)
            missing = await house.tool(name, **dict.fromkeys(ids, MISSING_ID), **extra)
            assert hidden == missing, (name, hidden)
            assert any(reason in hidden for reason in ("not found", "role 'admin'", "No language model")), (name, hidden)
    both = {"conversation_id": house.conversation, "segment_id": house.segment}
    for name, extra in (
        ("identify_speaker_in_segment", {"speaker_name": "Ada"}),
        ("correct_emotion", {"emotion": "sad"}),
        ("correct_transcript", {"text": "Mine."}),
    ):
        assert "Conversation not found" in await house.tool(name, **both, **extra)
    resource = await house.rpc("resources/read", {"uri": f"conversation://{house.conversation}"})
    missing = await house.rpc("resources/read", {"uri": f"conversation://{MISSING_ID}"})
    assert resource == missing.replace(str(MISSING_ID), str(house.conversation))
    assert "There is no conversation" in resource


async def test_lists_searches_and_statistics_leave_it_out(house: House) -> None:
    async def seen() -> dict[str, Any]:
        get = house.client.get
        speaker = (await get("/speakers")).json()[0]
        measured = await house.client.post("/evaluation", json={})
        return {
            "list": (await get("/conversations")).json()["total"],
            "jobs": (await get("/jobs")).json()["total"],
            "search": len((await get("/search", params={"q": "line"})).json()["results"]),
            "phrase": len((await get("/search", params={"q": '"Line 1"'})).json()["results"]),
            "newest": len((await get("/search")).json()["results"]),
            "sample": (await get(f"/speakers/{speaker['id']}/audio")).status_code,
            "labels": measured.status_code,
            "tool list": '"total":1' in (await house.tool("list_conversations")).replace("\\", ""),
            "tool latest": "Line" in await house.tool("get_latest_segments"),
            "tool search": "Line" in await house.tool("search_transcripts", query="line"),
            "tool speaker": '"total_conversations":1'
            in (await house.tool("search_conversations_by_speaker", speaker_name=speaker["name"])).replace("\\", ""),
            "tool statistics": '"conversations":1'
            in (await house.tool("speaker_statistics", speaker_name=speaker["name"])).replace("\\", ""),
        }

    become(house.client, house.bob)
    hidden = await seen()
    assert hidden == {
        **dict.fromkeys(("list", "jobs", "search", "phrase", "newest"), 0),
        "sample": 404,
        "labels": 400,  # there is nothing to measure against
        **dict.fromkeys(("tool list", "tool latest", "tool search", "tool speaker", "tool statistics"), False),
    }
    become(house.client, house.alice)
    mine = await seen()
    assert (mine["list"], mine["jobs"], mine["sample"], mine["labels"]) == (1, 1, 200, 200)
    assert mine["search"] == mine["newest"] == 4
    assert mine["phrase"] == 1
    assert all(found for name, found in mine.items() if name.startswith("tool"))
    become(house.client, None)
    assert await seen() == mine


async def test_an_evaluation_of_what_one_does_not_see_is_refused(house: House) -> None:
    become(house.client, house.bob)
    row = "SPEAKER call 1 0 2 <NA> <NA> Ana <NA> <NA>"
    for body in ({"conversation_ids": [0]}, {"texts": {"0": "Line"}}, {"rttm": {"0": row}}):
        answers = []
        for id_ in (house.conversation, MISSING_ID):
            asked = {key: [id_] if isinstance(value, list) else {str(id_): value["0"]} for key, value in body.items()}
            answer = await house.client.post("/evaluation", json=asked)
            answers.append((answer.status_code, answer.content))
        assert answers[0] == answers[1]
        assert answers[0][0] == 404


async def test_an_owner_shares_with_a_person_with_everyone_and_with_nobody_again(house: House, database: Database) -> None:
    path = f"/conversations/{house.conversation}"
    carol = await person(database, "carol", Role.READER)

    async def sight() -> list[bool]:
        found = []
        for principal in (house.bob, carol, await program(database, "cron")):
            become(house.client, principal)
            found.append((await house.client.get(path)).status_code == 200)
        become(house.client, house.alice)
        return found

    assert await sight() == [False, False, False]
    changed = await house.client.patch(f"{path}/sharing", json={"people": [house.bob.person_id]})
    assert changed.json() == {"owner": house.alice.person_id, "visibility": "shared", "people": [house.bob.person_id]}
    assert await sight() == [True, False, False]
    await house.client.patch(f"{path}/sharing", json={"visibility": "everyone"})
    assert await sight() == [True, True, True]
    shown = (await house.client.get(f"{path}/sharing")).json()
    assert shown["people"] == []
    assert {"id": house.bob.person_id, "name": "bob"} in shown["accounts"]
    await house.client.patch(f"{path}/sharing", json={"visibility": "private"})
    assert await sight() == [False, False, False]
    listed = (await house.client.get("/conversations")).json()["conversations"][0]
    assert (listed["owner"], listed["visibility"]) == (house.alice.person_id, "private")


async def test_sharing_with_an_account_that_is_deleted_meanwhile_is_refused(house: House, database: Database) -> None:
    become(house.client, house.alice)
    path = f"/conversations/{house.conversation}/sharing"
    async with database.session() as session:
        await people.delete_person(session, house.bob.person_id)
        asked = asyncio.create_task(house.client.patch(path, json={"people": [house.bob.person_id]}))
        await await_lock_waiter(session)
    assert_refused_as_conflict(await asked)
    assert (await house.client.get(path)).json()["people"] == []


async def test_changes_that_wait_for_each_other_are_refused(house: House, database: Database) -> None:
    become(house.client, house.alice)
    path = f"/conversations/{house.conversation}/sharing"
    async with database.session() as session:
        await session.execute(text("SET LOCAL deadlock_timeout = '1min'"))  # so that PostgreSQL ends the other one
        await session.execute(select(Person).where(Person.id == house.bob.person_id).with_for_update())
        asked = asyncio.create_task(house.client.patch(path, json={"people": [house.bob.person_id]}))
        await await_lock_waiter(session)
        await session.execute(select(Conversation.id).where(Conversation.id == house.conversation).with_for_update())
    assert_refused_as_conflict(await asked)


def assert_refused_as_conflict(answer: httpx.Response) -> None:
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "at the same moment" in answer.json()["detail"]


async def test_only_the_owner_and_administrators_share(house: House, database: Database) -> None:
    path = f"/conversations/{house.conversation}/sharing"
    become(house.client, house.alice)
    await house.client.patch(path, json={"people": [house.bob.person_id]})
    become(house.client, house.bob)
    for answer in (await house.client.get(path), await house.client.patch(path, json={"visibility": "everyone"})):
        assert answer.status_code == 403
        assert "owner and administrators" in answer.json()["detail"]
    become(house.client, house.alice)
    assert (await house.client.patch(path, json={"owner": house.bob.person_id})).status_code == 403
    assert (await house.client.patch(path, json={"people": [MISSING_ID]})).json()["detail"].startswith("There is no person")
    both = await house.client.patch(path, json={"visibility": "private", "people": [house.bob.person_id]})
    assert both.status_code == 400
    become(house.client, await person(database, "root", Role.ADMIN))
    assert (await house.client.patch(path, json={"owner": house.bob.person_id})).json()["owner"] == house.bob.person_id
    become(house.client, house.alice)
    assert (await house.client.get(path)).status_code == 404


async def test_what_somebody_makes_is_theirs_and_what_nobody_owns_is_for_everyone(database: Database) -> None:
    alice, key = await person(database, "alice"), await program(database, "cron")
    async with database.session() as session:
        for creator, owner in ((alice.principal, alice.person_id), (LOCAL, None), (key.principal, None)):
            visibility = "everyone" if owner is None else "private"
            uploaded = await conversations.create(session, "A talk", None, "flac", creator=creator)
            live = await live_recordings.begin(session, uuid4(), None, "flac", None, creator=creator)
            for id_ in (uploaded, live):
                found = await conversations.summary(session, id_)
                assert found is not None
                assert (found.owner_id, found.visibility) == (owner, visibility)


async def test_an_upload_belongs_to_who_sends_it(house: House) -> None:
    become(house.client, house.bob)
    answer = await house.client.post("/process", params={"wait": False}, files={"audio_file": ("a.wav", sound())})
    assert answer.status_code == 202, answer.text
    found = (await house.client.get(f"/conversations/{answer.json()['id']}")).json()
    assert (found["owner"], found["visibility"]) == (house.bob.person_id, "private")
    assert (await house.client.get(answer.headers["location"].removeprefix("/api/v1"))).status_code == 200
    become(house.client, house.alice)
    assert (await house.client.get(f"/conversations/{found['id']}")).status_code == 404
    assert (await house.client.get(answer.headers["location"].removeprefix("/api/v1"))).status_code == 404


async def test_a_stranger_does_not_find_a_recording(house: House, database: Database) -> None:
    async with database.session() as session:
        await live_recordings.begin(session, uuid4(), None, "flac", None, b"hash", creator=house.alice.principal)
        assert (await listing.list_page(session, house.bob.principal, listing.Filters(status="recording"))).total == 0
    become(house.client, house.bob)
    assert "Nothing is being recorded" in await house.tool("get_live_conversation")
    become(house.client, house.alice)
    assert '\\"live\\":true' in await house.tool("get_live_conversation")


async def test_a_recording_is_resumed_by_nobody_but_its_owner(house: House, database: Database) -> None:
    """Also where the token is known, as to the page of a browser in which another person has logged in."""
    admin = await person(database, "admin", Role.ADMIN)
    async with database.session() as session:
        id_ = await live_recordings.begin(session, uuid4(), None, "flac", None, b"hash", creator=house.alice.principal)
        for visibility in (Visibility.PRIVATE, Visibility.EVERYONE):
            await session.execute(update(Conversation).where(Conversation.id == id_).values(visibility=visibility))
            for other in (house.bob.principal, admin.principal, LOCAL):
                assert await live_recordings.resumable(session, other, id_) is None, (other, visibility)
            assert await live_recordings.resumable(session, house.alice.principal, id_) is not None


async def test_people_who_are_gone_leave_their_conversations_to_administrators(house: House, database: Database) -> None:
    async with database.session() as session:
        await session.execute(update(Conversation).values(owner_id=None))
        assert not await sees_conversations(session, house.alice.principal, [house.conversation])
        assert await sees_conversations(session, LOCAL, [house.conversation])
        found = await conversations.summary(session, house.conversation)
    assert found is not None
    assert found.visibility == Visibility.PRIVATE
