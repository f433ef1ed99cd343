"""Accounts as administrators see them, and the first one."""

import re
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from pipeline.access import Role
from services.access import login_limit
from services.access.accounts import FIRST_ACCOUNT
from storage.access import keys, tickets
from storage.postgres.database import Database
from storage.tables import AuditEntry
from tests.api.access.people import OTHER_PASSWORD, PASSWORD, add, log_in
from tests.support.application import Application

FIRST = {"name": "ana", "password": PASSWORD}


@pytest.fixture
async def admin(application: Application, database: Database) -> httpx.AsyncClient:
    await add(database, "admin", Role.ADMIN)
    await log_in(application.client, "admin")
    return application.client


async def test_accounts_are_created_changed_and_deleted(admin: httpx.AsyncClient, database: Database) -> None:
    answer = await admin.post("/people", json={"name": " bo ", "role": "writer", "password": OTHER_PASSWORD})
    assert answer.status_code == 201
    bo = answer.json()
    assert {**bo, "id": 0, "created_at": ""} == {
        "id": 0,
        "created_at": "",
        "name": "bo",
        "role": "writer",
        "disabled": False,
        "has_password": True,
        "has_openid": False,
    }
    path = f"/people/{bo['id']}"
    assert (await admin.patch(path, json={"role": "reader", "disabled": True})).json() == bo | {
        "role": "reader",
        "disabled": True,
    }
    assert [person["name"] for person in (await admin.get("/people")).json()["people"]] == ["admin", "bo"]
    invited = (await admin.post("/people", json={"name": "eve@example.org"})).json()
    assert (invited["role"], invited["has_password"]) == ("reader", False)
    assert (await admin.patch(f"/people/{invited['id']}", json={"password": OTHER_PASSWORD})).json()["has_password"]
    assert (await admin.delete(path)).status_code == 204
    assert [person["name"] for person in (await admin.get("/people")).json()["people"]] == ["admin", "eve@example.org"]
    async with database.session() as session:
        found = await session.execute(select(AuditEntry.action, AuditEntry.object).order_by(AuditEntry.id))
        actions = [tuple(entry) for entry in found][1:]
    assert actions == [
        ("person.create", f"person:{bo['id']}"),
        ("person.role", f"person:{bo['id']}"),
        ("person.disable", f"person:{bo['id']}"),
        ("person.create", f"person:{invited['id']}"),
        ("person.password", f"person:{invited['id']}"),
        ("person.delete", f"person:{bo['id']}"),
    ]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/people", {"name": "admin", "password": OTHER_PASSWORD}, 409),
        ("POST", "/people", {"name": "bo", "password": "too short"}, 400),
        ("POST", "/people", {"name": "", "password": OTHER_PASSWORD}, 422),
        ("POST", "/people", {"name": "bo", "role": "owner"}, 422),
        ("PATCH", "/people/2147483647", {"role": "reader"}, 404),
        ("PATCH", "/people/2147483648", {"role": "reader"}, 422),
        ("DELETE", "/people/2147483647", None, 404),
        ("PATCH", "/people/{me}", {"role": "writer"}, 409),
        ("PATCH", "/people/{me}", {"disabled": True}, 409),
        ("PATCH", "/people/{me}", {"password": OTHER_PASSWORD}, 409),
        ("DELETE", "/people/{me}", None, 409),
        ("PATCH", "/people/{me}", {"role": "admin", "disabled": False}, 200),
    ],
)
async def test_what_cannot_be_done(
    admin: httpx.AsyncClient, method: str, path: str, body: dict[str, Any] | None, status: int
) -> None:
    (me,) = (await admin.get("/people")).json()["people"]
    answer = await admin.request(method, path.format(me=me["id"]), json=body)
    assert answer.status_code == status
    assert (await admin.get("/people")).json()["people"] == [me]


@pytest.mark.parametrize("role", [None, Role.READER, Role.WRITER])
async def test_only_administrators_manage_accounts(application: Application, database: Database, role: Role | None) -> None:
    client, ana = application.client, await add(database, "ana", role or Role.READER)
    if role is not None:
        await log_in(client, "ana")
    answers = [
        await client.get("/people"),
        await client.post("/people", json={"name": "bo", "role": "admin", "password": OTHER_PASSWORD}),
        await client.patch(f"/people/{ana.id}", json={"role": "admin"}),
        await client.delete(f"/people/{ana.id}"),
    ]
    assert {answer.status_code for answer in answers} == {401 if role is None else 403}


async def test_the_keys_of_a_person_stop_with_the_account(
    admin: httpx.AsyncClient, application: Application, database: Database
) -> None:
    bo = await add(database, "bo")
    async with database.session() as session:
        key, _ = await keys.create(session, "test", Role.READER, bo.id)
    bearer = {"Authorization": f"Bearer {key}"}
    await admin.patch(f"/people/{bo.id}", json={"disabled": True})
    assert (await admin.get("/conversations", headers=bearer)).status_code == 401


async def test_the_ticket_in_the_log_creates_the_first_account(application: Application, database: Database) -> None:
    client = application.client
    ticket = await application.context.accounts.first_account_ticket()
    assert ticket is not None
    page = await client.get("/people/first", params={"ticket": ticket})
    assert f'name="ticket" value="{ticket}"' in page.text
    assert page.headers["cache-control"] == "no-store"
    refused = await client.post("/people/first", data=FIRST | {"ticket": ticket, "password": "too short"})
    assert refused.status_code == 400  # the ticket stays valid
    answer = await client.post("/people/first", data=FIRST | {"ticket": ticket})
    assert (answer.status_code, answer.json()["role"]) == (201, "admin")
    assert [person["name"] for person in (await client.get("/people")).json()["people"]] == ["ana"]
    assert (await client.post("/people/first", data=FIRST | {"ticket": ticket, "name": "bo"})).status_code == 403
    assert await application.context.accounts.first_account_ticket() is None


async def test_the_first_account_needs_the_newest_ticket(application: Application, database: Database) -> None:
    accounts, client = application.context.accounts, application.client
    earlier, ticket = await accounts.first_account_ticket(), await accounts.first_account_ticket()
    assert earlier is not None
    assert ticket is not None
    for wrong in (earlier, "x", ticket + "x"):
        assert (await client.post("/people/first", data=FIRST | {"ticket": wrong})).status_code == 403
    await add(database, "admin", Role.ADMIN)
    assert (await client.post("/people/first", data=FIRST | {"ticket": ticket})).status_code == 403


async def test_a_ticket_for_something_else_creates_no_account(application: Application, database: Database) -> None:
    async with database.session() as session:
        ticket = await tickets.issue(session, f"not {FIRST_ACCOUNT}", timedelta(hours=1))
    assert (await application.client.post("/people/first", data=FIRST | {"ticket": ticket})).status_code == 403


async def test_the_form_contains_no_markup_of_its_address(application: Application) -> None:
    page = await application.client.get("/people/first", params={"ticket": '"><script>alert(1)</script>'})
    assert "<script" not in page.text
    assert re.search(r'value="&quot;&gt;&lt;script&gt;', page.text)


@pytest.mark.usefixtures("one_period")
async def test_guesses_of_the_ticket_are_limited(application: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login_limit, "ATTEMPTS_PER_ADDRESS", 1)
    statuses = [(await application.client.post("/people/first", data=FIRST | {"ticket": "x"})).status_code for _ in range(2)]
    assert statuses == [403, 429]
