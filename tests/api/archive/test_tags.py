"""Tags of conversations."""

import json
import unicodedata
from typing import Any

from storage.conversations import conversations
from storage.postgres.database import Database
from tests.support.application import Application
from tests.support.principals import become, person


async def new(database: Database, title: str) -> int:
    async with database.session() as session:
        return await conversations.create(session, title, None, "flac", status="completed")


async def tag(application: Application, id_: int, *tags: str) -> list[str]:
    answer = await application.client.patch(f"/conversations/{id_}", json={"tags": tags})
    assert answer.status_code == 200, answer.text
    found: list[str] = answer.json()["tags"]
    return found


async def test_tags_are_set_shown_and_removed(application: Application, database: Database) -> None:
    id_ = await new(database, "Planning")
    assert await tag(application, id_, "  work ", "Budget", "WORK", "wo\u00adrk") == ["Budget", "work"]
    detail = (await application.client.get(f"/conversations/{id_}")).json()
    (listed,) = (await application.client.get("/conversations")).json()["conversations"]
    assert detail["tags"] == listed["tags"] == ["Budget", "work"]
    renamed = await application.client.patch(f"/conversations/{id_}", json={"title": "Plans"})
    assert renamed.json()["tags"] == ["Budget", "work"]
    assert await tag(application, id_, "Work") == ["Work"]
    both = await application.client.patch(f"/conversations/{id_}", json={"title": "Old", "tags": []})
    assert (both.json()["title"], both.json()["tags"]) == ("Old", [])


async def test_tags_that_are_none_are_refused(application: Application, database: Database) -> None:
    id_ = await new(database, "Planning")
    await tag(application, id_, "work")
    wrong: list[Any] = [["a"] * 21, [""], [" "], ["\u200b"], ["a\0"], ["a\nb"], ["x" * 101], ["\ud800"], "work", [7]]
    for tags in wrong:
        body = json.dumps({"title": "New", "tags": tags})
        answer = await application.client.patch(f"/conversations/{id_}", content=body)
        assert answer.status_code == 422, tags
    found = (await application.client.get(f"/conversations/{id_}")).json()
    assert (found["title"], found["tags"]) == ("Planning", ["work"])


async def test_as_many_tags_as_allowed_of_any_script(application: Application, database: Database) -> None:
    id_ = await new(database, "Planning")
    decomposed = unicodedata.normalize("NFD", "Über")
    assert await tag(application, id_, decomposed, "über", "会議", "x" * 100) == ["x" * 100, "Über", "会議"]
    assert len(await tag(application, id_, *(f"tag {n}" for n in range(20)))) == 20


async def test_a_conversation_that_does_not_exist_has_no_tags(application: Application) -> None:
    answer = await application.client.patch("/conversations/999999", json={"tags": ["work"]})
    assert (answer.status_code, answer.json()["detail"]) == (404, "Conversation not found")


async def test_tags_are_counted_in_what_one_sees(application: Application, database: Database) -> None:
    alice, bob = await person(database, "alice"), await person(database, "bob")
    async with database.session() as session:
        private = await conversations.create(session, "Alice's", None, "flac", creator=alice.principal)
    first, second, third = [await new(database, title) for title in "abc"]
    await tag(application, private, "Secret", "WORK")
    await tag(application, first, "work")
    await tag(application, second, "work", "Home")
    await tag(application, third, "Work")

    async def counts() -> dict[str, int]:
        return {tag["name"]: tag["conversations"] for tag in (await application.client.get("/tags")).json()}

    assert list((await counts()).items()) == [("work", 4), ("Home", 1), ("Secret", 1)]
    become(application.client, alice)
    assert await counts() == {"work": 4, "Home": 1, "Secret": 1}
    become(application.client, bob)
    assert await counts() == {"work": 3, "Home": 1}
    become(application.client, None)
    assert (await application.client.delete(f"/conversations/{second}")).status_code == 200
    assert await counts() == {"WORK": 3, "Secret": 1}  # each in a spelling of its own: the first of the alphabet
