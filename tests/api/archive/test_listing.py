"""The list of conversations: filters, cursors, and who speaks when."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from storage.conversations import conversations, tags
from storage.postgres.database import Database
from storage.tables import Conversation, SegmentRow
from tests.storage.archive import add_speaker, add_talk
from tests.support.application import Application
from tests.support.principals import become, person

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
async def archive(application: Application, database: Database) -> Application:
    """Four conversations, one a day: 1 with Ann and a stranger, 2 with Ann and Bo, 3 with Bo, 4 empty."""
    async with database.session() as session:
        ann, bo = await add_speaker(session, "Ann Lee"), await add_speaker(session, "Bo")
        talks = [
            await add_talk(session, [ann, None], 4),
            await add_talk(session, [ann, bo], 8),
            await add_talk(session, [bo], 12),
            await conversations.create(session, "100% of_the plan", None, "flac"),
        ]
        for day, id_ in enumerate(talks):
            at = {"start_time": NOON + timedelta(days=day), "title": ["Monday", "Budget plan", None, "100% of_the plan"][day]}
            await session.execute(update(Conversation).where(Conversation.id == id_).values(at))
        await tags.replace(session, talks[0], ["Work"])
        await tags.replace(session, talks[1], ["work", "Home"])
        said = update(SegmentRow).where(SegmentRow.conversation_id == talks[2], SegmentRow.position == 3)
        await session.execute(said.values(text="The budget is planned.", emotion_category="angry"))
    return application


async def days(application: Application, **params: Any) -> list[int]:
    """Which conversations, by their days."""
    answer = await application.client.get("/conversations", params=params)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    starts = [datetime.fromisoformat(one["start_time"]) for one in found["conversations"]]
    assert found["total"] == len(starts)
    return [(start - NOON).days + 1 for start in starts]


FILTERS: list[tuple[dict[str, Any], list[int]]] = [
    ({}, [4, 3, 2, 1]),
    ({"q": " "}, [4, 3, 2, 1]),
    ({"q": "budget"}, [3, 2]),  # said in one, in the title of the other
    ({"q": "BUDGET plan"}, [2]),
    ({"q": "plan budg"}, [2]),
    ({"q": '"budget is"'}, [3]),
    ({"q": "100%"}, [4]),
    ({"q": "%"}, [4]),
    ({"q": "of_t"}, [4]),
    ({"q": "ofxt"}, []),
    ({"q": "\\"}, []),
    ({"q": "line -budget"}, [3, 2, 1]),
    ({"q": '"'}, []),
    ({"title": "plan BUDG"}, [2]),
    ({"title": "100% the"}, [4]),
    ({"title": "line"}, []),
    ({"title": "plan", "q": "line"}, [2]),
    ({"title": '"'}, [4, 3, 2, 1]),
    ({"tag": "WORK"}, [2, 1]),
    ({"tag": ["work", " home"]}, [2]),
    ({"tag": "wor"}, []),
    ({"speaker": "ann  lee"}, [2, 1]),
    ({"speaker": ["Ann Lee", "bo"]}, [2]),
    ({"speaker": "Nobody"}, []),
    ({"speaker": "99999999999999999999"}, []),
    ({"emotion": "angry"}, [3]),
    ({"emotion": "sad"}, []),
    ({"since": "2026-03-02T12:00:00Z"}, [4, 3, 2]),
    ({"until": "2026-03-02T13:00:00+01:00"}, [1]),
    ({"since": "2026-03-02T00:00:00", "until": "2026-03-03"}, [2]),
    ({"min_duration": 16}, [3, 2]),
    ({"max_duration": 16}, [2, 1]),
    ({"status": "processing"}, [4]),
    ({"q": "line", "speaker": "Bo", "tag": "work"}, [2]),
]


async def test_filters(archive: Application) -> None:
    for params, expected in FILTERS:
        assert await days(archive, **params) == expected, params


async def test_a_speaker_by_id(archive: Application) -> None:
    people = {one["name"]: one["id"] for one in (await archive.client.get("/speakers")).json()}
    assert await days(archive, speaker=people["Bo"]) == [3, 2]
    assert await days(archive, speaker=[people["Bo"], people["Ann Lee"]]) == [2]


WRONG: list[dict[str, Any]] = [
    {"emotion": "hangry"},
    {"since": "yesterday"},
    {"min_duration": -1},
    {"max_duration": "nan"},
    {"max_duration": "1e300"},
    {"tag": ["a"] * 11},
    {"tag": ""},
    {"speaker": "x" * 201},
    {"q": "x" * 1001},
    {"include": "everything"},
    {"status": "lost"},
]


async def test_filters_that_are_none_are_refused(archive: Application) -> None:
    for params in WRONG:
        assert (await archive.client.get("/conversations", params=params)).status_code == 422, params


async def test_what_one_does_not_see_is_not_found(archive: Application, database: Database) -> None:
    alice, bob = await person(database, "alice"), await person(database, "bob")
    async with database.session() as session:
        await session.execute(update(Conversation).values(owner_id=alice.person_id, visibility="private"))
    for who, found in ((alice, [3, 2]), (bob, [])):
        become(archive.client, who)
        assert await days(archive, q="budget") == found
        assert await days(archive, speaker="Bo") == found
    assert (await archive.client.get("/tags")).json() == []
    become(archive.client, None)


async def test_a_cursor_goes_on_where_the_page_ended_whatever_happens_meanwhile(
    archive: Application, database: Database
) -> None:
    async def page(cursor: str | None) -> tuple[list[str], str | None]:
        params: dict[str, Any] = {"limit": 4} | ({} if cursor is None else {"cursor": cursor})
        found = (await archive.client.get("/conversations", params=params)).json()
        return [one["title"] for one in found["conversations"]], found["next_cursor"]

    async with database.session() as session:  # all at one moment
        old = [await conversations.create(session, f"{n}", None, "flac", start_time=NOON.replace(year=2020)) for n in range(9)]
    first, cursor = await page(None)
    assert first == ["100% of_the plan", None, "Budget plan", "Monday"]
    assert cursor is not None
    second, cursor = await page(cursor)
    assert second == ["8", "7", "6", "5"]
    async with database.session() as session:
        await conversations.create(session, "newer", None, "flac")
        await conversations.remove(session, old[5], active=True)  # the last of the page, which the cursor names
        await conversations.remove(session, old[3], active=True)
    third, cursor = await page(cursor)
    assert third == ["4", "2", "1", "0"]
    assert cursor is None
    assert (await page("0.1"))[0] == []  # before 1970 there is nothing


async def test_the_last_full_page_has_no_cursor(archive: Application) -> None:
    exact = (await archive.client.get("/conversations", params={"limit": 4})).json()
    assert (len(exact["conversations"]), exact["next_cursor"]) == (4, None)
    some = (await archive.client.get("/conversations", params={"limit": 3, "q": "line"})).json()
    assert (len(some["conversations"]), some["next_cursor"]) == (3, None)


async def test_what_is_no_cursor_is_refused(archive: Application) -> None:
    for cursor in ("", "x", "1", "1.2.3", "1.0", "1.-1", "1.99999999999", "9" * 40 + ".1", "-" + "9" * 30 + ".1"):
        answer = await archive.client.get("/conversations", params={"cursor": cursor})
        assert (answer.status_code, "next_cursor" in answer.json()["detail"]) == (400, True), cursor


async def test_who_speaks_and_when_is_there_on_request(archive: Application) -> None:
    plain = (await archive.client.get("/conversations")).json()["conversations"]
    assert {(one["participants"], one["timeline"]) for one in plain} == {(None, None)}
    params: dict[str, Any] = {"include": ["participants", "timeline"], "limit": 200}
    empty, alone, both, stranger = (await archive.client.get("/conversations", params=params)).json()["conversations"]
    people = {one["name"]: one["id"] for one in (await archive.client.get("/speakers")).json()}
    assert (empty["participants"], empty["timeline"]) == ([], [])
    assert alone["participants"] == [{"speaker_id": people["Bo"], "speaker_name": "Bo", "is_known": True, "share": 1.0}]
    assert alone["timeline"][0] == {"start": 0.0, "end": 1.5, "speaker_id": people["Bo"]}
    assert [one["share"] for one in both["participants"]] == [0.5, 0.5]
    spans = [(one["start"], one["end"], one["speaker_id"]) for one in both["timeline"]]
    assert spans == [(2.0 * n, 2.0 * n + 1.5, people[("Ann Lee", "Bo")[n % 2]]) for n in range(8)]
    assert [(one["speaker_name"], one["is_known"]) for one in stranger["participants"]] == [
        ("Ann Lee", True),
        ("Unknown_B", False),
    ]
    assert [one["speaker_id"] for one in stranger["timeline"]] == [people["Ann Lee"], None] * 2


async def test_timelines_of_too_many_are_refused(archive: Application) -> None:
    answer = await archive.client.get("/conversations", params={"include": "timeline", "limit": 201})
    assert (answer.status_code, "limit=200" in answer.json()["detail"]) == (400, True)
