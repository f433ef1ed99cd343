"""The stream of events: every change, by any client, for those who may see it."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from uuid import uuid4

import pytest
from sqlalchemy import text

from pipeline.access import LOCAL, Role
from services.events import feed, subscription
from services.events.subscription import Subscription
from services.schemas.events import ConversationEvent, ResyncEvent, SpeakersEvent
from storage.conversations import conversations, tags, titles
from storage.jobs import jobs
from storage.jobs.options import JobOptions
from storage.postgres.database import Database
from tests.api.reading.conftest import Event, Reader, Served
from tests.support.principals import Caller, become, person, program

LISTENERS = 200
MAX_CONNECTIONS = 12
"""Ten of the pool, one that listens, and the one that counts."""


def changes(events: list[Event], conversation: int) -> set[str]:
    """What the events say of a conversation."""
    return {
        change for one in events if one["type"] == "conversation" and one["id"] == conversation for change in one["changes"]
    }


async def after(reader: Reader, conversation: int, change: str) -> set[str]:
    """What changed of the conversation, up to this change."""
    return changes(await reader.until(lambda event: change in changes([event], conversation)), conversation)


async def of_speakers(reader: Reader, change: str) -> Event:
    found = await reader.until(lambda event: event["type"] == "speakers" and bool(event[change]))
    return found[-1]


async def test_changes_of_a_conversation(served: Served, database: Database) -> None:
    id_ = served.conversation
    segments = (await served.ask("GET", f"/conversations/{id_}"))["segments"]
    async with served.reader() as reader:
        await served.ask("PATCH", f"/conversations/{id_}", json={"title": "Another"})
        assert await after(reader, id_, "title") == {"title"}
        await served.ask("PATCH", f"/conversations/{id_}/segments/{segments[0]['id']}", json={"text": "Other words."})
        assert await after(reader, id_, "transcript") == {"transcript"}
        await served.ask(
            "POST", f"/conversations/{id_}/segments/{segments[1]['id']}/correct-emotion", json={"corrected_emotion": "happy"}
        )
        assert "transcript" in await after(reader, id_, "transcript")
        async with database.session() as session:  # what a worker on another machine does
            other = await conversations.create(session, "Second", None, "wav")
        assert "created" in await after(reader, other, "created")
        await served.ask("DELETE", f"/conversations/{id_}")
        found = await reader.until(lambda event: "deleted" in changes([event], id_))
        assert found[-1] == {
            "type": "conversation",
            "id": id_,
            "changes": ["deleted"],
            "status": None,
            "stage": None,
            "progress": None,
            "error": None,
        }
        assert changes(found, id_) == {"deleted"}


async def test_changes_of_speakers(served: Served) -> None:
    id_, (first, second) = served.conversation, served.speakers
    segment = (await served.ask("GET", f"/conversations/{id_}"))["segments"][0]["id"]
    async with served.reader() as reader:
        await served.ask("PATCH", f"/speakers/{first}/rename", json={"new_name": "Ann"})
        assert (await of_speakers(reader, "renamed"))["renamed"] == [first]
        await served.ask("POST", f"/speakers/{second}/merge", json={"into": first})
        merged = await of_speakers(reader, "deleted")
        assert (merged["deleted"], merged["segments"]) == ([second], [first, second])
        await served.ask("POST", "/speakers/undo")
        undone = await of_speakers(reader, "created")
        assert (undone["created"], undone["segments"]) == ([second], [first, second])
        path = f"/conversations/{id_}/segments/{segment}/identify"
        named = await served.ask("POST", path, json={"speaker_name": "Bea", "only_this": True})
        bea = named["speaker_id"]
        moved = await of_speakers(reader, "created")
        assert moved["created"] == [bea]
        assert set(moved["segments"]) == {first, bea}
        await served.ask("DELETE", f"/speakers/{bea}")
        assert (await of_speakers(reader, "deleted"))["deleted"] == [bea]


async def test_jobs_and_their_progress(served: Served, database: Database) -> None:
    def state(event: Event) -> tuple[str, str | None, float] | None:
        return (event["state"], event["stage"], event["progress"]) if event["type"] == "job" else None

    async with served.reader() as reader:
        async with database.session() as session:
            new = await conversations.create(session, None, None, "wav")
            job = await jobs.enqueue(session, new, JobOptions(), 60.0, max_queued=9)
        queued = (await reader.until(lambda event: event["type"] == "job"))[-1]
        assert (queued["id"], queued["conversation_id"], queued["state"]) == (job, new, "queued")
        async with database.session() as session:
            lease = await jobs.claim(session, "elsewhere")
        assert lease is not None
        began = time.monotonic()
        for percent in range(51):
            async with database.session() as session:
                await jobs.report(session, lease, "diarizing", percent / 100)
        reported = await reader.until(lambda event: state(event) == ("running", "diarizing", 0.5))
        assert reported[-1]["remaining_seconds"] > 0
        most = 2 + (time.monotonic() - began) / feed.COALESCE_S
        assert len([event for event in reported if event["type"] == "job"]) <= most, "They are combined."
        async with database.session() as session:
            await jobs.fail(session, lease, "It is broken.")
        failed = (await reader.until(lambda event: event["type"] == "job" and event["state"] == "failed"))[-1]
        assert (failed["error"], failed["remaining_seconds"]) == ("It is broken.", None)
        assert failed["finished_at"].endswith("Z")


@dataclass(frozen=True)
class House:
    """Alice owns a conversation; the events of Alice, Bob, a program without an owner, and an administrator."""

    served: Served
    alice: Caller
    bob: Caller
    conversation: int
    readers: list[Reader]

    async def share(self, **values: object) -> None:
        become(self.served.application.client, self.alice)
        await self.served.ask("PATCH", f"/conversations/{self.conversation}/sharing", json=values)
        become(self.served.application.client, None)

    async def heard(self) -> list[set[str]]:
        """The events on the conversation that each reader has received until now."""
        name = f"All hear this, and after what was before: {uuid4()}"
        await self.served.ask("PATCH", f"/speakers/{self.served.speakers[0]}/rename", json={"new_name": name})
        return [await self._heard(reader) for reader in self.readers]

    async def _heard(self, reader: Reader) -> set[str]:
        found = await reader.until(lambda event: event["type"] == "speakers" and bool(event["renamed"]))
        jobs_of = {event["conversation_id"] for event in found if event["type"] == "job"}
        return changes(found, self.conversation) | {f"job of {id_}" for id_ in jobs_of}


@pytest.fixture
async def house(served: Served, database: Database) -> AsyncIterator[House]:
    alice, bob = await person(database, "alice"), await person(database, "bob")
    machine, admin = await program(database, "machine", Role.READER), await person(database, "root", Role.ADMIN)
    async with database.session() as session:
        id_ = await conversations.create(session, "Alice's", None, "wav", "completed", creator=alice.principal)
    await served.settle()
    async with AsyncExitStack() as stack:
        readers = [await stack.enter_async_context(served.reader(caller)) for caller in (alice, bob, machine, admin)]
        yield House(served, alice, bob, id_, readers)


async def test_only_who_sees_a_conversation_hears_of_it(house: House, database: Database) -> None:
    nothing = set[str]()
    async with database.session() as session:
        await titles.rename(session, house.conversation, "Renamed")
        await tags.replace(session, house.conversation, ["Work"])
        await jobs.enqueue(session, house.conversation, JobOptions(), 60.0, max_queued=9)
    all_of_it = {"title", "tags", f"job of {house.conversation}"}
    assert await house.heard() == [all_of_it, nothing, nothing, all_of_it]
    async with database.session() as session:
        await conversations.remove(session, house.conversation)
    assert await house.heard() == [{"deleted"}, nothing, nothing, {"deleted"}]


async def test_who_does_not_see_it_any_more_hears_that_it_is_gone(house: House, database: Database) -> None:
    nothing = set[str]()
    await house.share(visibility="shared", people=[house.bob.person_id])
    assert await house.heard() == [{"sharing"}, {"sharing"}, nothing, {"sharing"}]
    await house.share(visibility="shared", people=[])
    assert await house.heard() == [{"sharing"}, {"deleted"}, nothing, {"sharing"}]
    await house.share(visibility="everyone")
    assert await house.heard() == [{"sharing"}] * 4
    await house.share(visibility="private")
    assert await house.heard() == [{"sharing"}, {"deleted"}, {"deleted"}, {"sharing"}]
    await house.share(visibility="shared", people=[house.bob.person_id])
    await house.heard()
    async with database.session() as session:
        await conversations.remove(session, house.conversation)
    assert await house.heard() == [{"deleted"}, {"deleted"}, nothing, {"deleted"}]


async def test_many_listeners_share_few_connections(served: Served, database: Database) -> None:
    async with AsyncExitStack() as stack:
        readers = [await stack.enter_async_context(served.reader()) for _ in range(LISTENERS)]
        await served.ask("PATCH", f"/conversations/{served.conversation}", json={"title": "Heard"})
        heard = await asyncio.gather(*(after(reader, served.conversation, "title") for reader in readers))
        assert heard == [{"title"}] * LISTENERS
        async with database.session() as session:
            query = (
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'"
            )
            assert (await session.execute(text(query))).scalar_one() <= MAX_CONNECTIONS


async def test_a_lost_connection_to_the_database_is_told(served: Served, database: Database) -> None:
    async with served.reader() as reader:
        async with database.session() as session:
            others = "datname = current_database() AND pid <> pg_backend_pid()"  # one of them listens
            await session.execute(text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}"))
        assert await reader.next() == {"type": "resync", "reason": "database"}
        await served.ask("PATCH", f"/conversations/{served.conversation}", json={"title": "Heard"})
        assert "title" in await after(reader, served.conversation, "title")


async def test_too_much_at_once_is_told(served: Served, database: Database) -> None:
    async with served.reader() as reader:
        async with database.session() as session:
            await session.execute(text("INSERT INTO speakers (name) SELECT 'Person ' || i FROM generate_series(1, 501) AS i"))
        assert await reader.next() == {"type": "resync", "reason": "database"}


async def test_a_change_of_a_newer_version_is_told(served: Served, database: Database) -> None:
    async with served.reader() as reader:
        async with database.session() as session:
            await session.execute(text("SELECT pg_notify('change', :new)"), {"new": '{"kind": "summary", "ids": [1]}'})
        assert await reader.next() == {"type": "resync", "reason": "database"}


async def test_the_stream_ends_when_the_program_stops(served: Served) -> None:
    served.application.context.worker.start()
    async with served.reader() as reader:
        await served.application.context.drain()
        assert await reader.next() is None


async def test_a_slow_client_gets_the_last_state_and_no_queue() -> None:
    slow = Subscription(LOCAL)
    events = slow.events()
    assert await anext(events) == ResyncEvent(reason="connected")
    slow.add(ConversationEvent(id=1, changes=["status"], progress=0.1))
    slow.add(SpeakersEvent(renamed=[5]))
    slow.add(ConversationEvent(id=1, changes=["title"], progress=0.2))
    slow.add(SpeakersEvent(renamed=[4], deleted=[6]))
    assert await anext(events) == ConversationEvent(id=1, changes=["status", "title"], progress=0.2)
    assert await anext(events) == SpeakersEvent(renamed=[4, 5], deleted=[6])
    for id_ in range(subscription.MAX_WAITING + 1):
        slow.add(ConversationEvent(id=id_, changes=["title"]))
    slow.add(ConversationEvent(id=7, changes=["deleted"]))
    assert await anext(events) == ResyncEvent(reason="slow")
    assert await anext(events) == ConversationEvent(id=7, changes=["deleted"])
    slow.end()
    assert [event async for event in events] == []
