"""`vivavoce people`, beside no application."""

import asyncio
import io
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any, TypeVar

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.access.passwords import PasswordHasher
from settings import Settings
from storage.access import people
from storage.postgres.database import Database
from storage.tables import AuditEntry
from tests.api.access.people import OTHER_PASSWORD, PASSWORD
from tests.support.command_line import vivavoce_here
from vivavoce import server

T = TypeVar("T")

Run = Callable[..., CompletedProcess[str]]


@pytest.fixture
def run(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    def command(*arguments: str, stdin: str = "") -> CompletedProcess[str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        return vivavoce_here("people", *arguments, DATABASE_URL=database_url)

    return command


@pytest.fixture
def empty(database: Database, database_url: str) -> str:
    """The URL of the module's database, emptied."""
    return database_url


def stored(url: str, work: Callable[[AsyncSession], Awaitable[T]]) -> T:
    async def look() -> T:
        database = Database(url)
        async with database.session() as session:
            found = await work(session)
        await database.dispose()
        return found

    return asyncio.run(look())


def has_password(url: str, name: str, password: str) -> bool:
    found = stored(url, lambda session: people.password_hash(session, name))
    return found is not None and asyncio.run(PasswordHasher().matches(password, found[1]))[0]


def test_accounts_are_created_listed_changed_and_disabled(run: Run, database_url: str) -> None:
    assert (
        run("create", "ana", "--role", "admin", "--password-stdin", stdin=f"{PASSWORD}\n").stdout
        == "ana may log in as admin.\n"
    )
    assert has_password(database_url, "ana", PASSWORD)
    assert run("create", "bo@example.org", "--openid").stdout == "bo@example.org may log in as reader.\n"
    assert run("password", "ana", "--password-stdin", stdin=OTHER_PASSWORD).stdout == "ana has a new password.\n"
    assert has_password(database_url, "ana", OTHER_PASSWORD)
    assert run("disable", "ana").stdout == "ana may not log in any more.\n"
    assert not has_password(database_url, "ana", OTHER_PASSWORD)
    rows = [line.split() for line in run("list").stdout.splitlines()[1:]]
    assert [row[1:-1] for row in rows] == [["ana", "admin", "password", "disabled"], ["bo@example.org", "reader", "-"]]
    actions = stored(database_url, lambda session: session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)))
    assert actions.all() == ["person.create", "person.create", "person.enable", "person.password", "person.disable"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("create", "eve", "--password-stdin"), "fewer than 15 characters"),
        (("create", "eve"), "give --password-stdin"),
        (("create", "eve", "--openid", "--password-stdin"), "either"),
        (("create", "\0", "--openid"), "control characters"),
        (("create", " ", "--openid"), "at least 1 character"),
        (("disable", "nobody"), "vivavoce people list"),
        (("password", "nobody", "--password-stdin"), "vivavoce people list"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(run: Run, arguments: tuple[str, ...], says: str) -> None:
    done = run(*arguments, stdin="short")
    assert done.returncode in (1, 2)
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_the_start_makes_a_ticket_where_a_login_is_required_and_nobody_has_one(empty: str, run: Run, tmp_path: Path) -> None:
    def ticket(**settings: Any) -> str | None:
        return asyncio.run(server._prepare(Settings(data_path=tmp_path, **settings), empty))

    assert ticket() is None
    assert ticket(auth="required")
    run("create", "ana", "--openid")
    assert ticket(auth="required") is None
