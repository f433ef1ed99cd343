"""URLs as people write them, and transactions."""

import asyncio
import re

import pytest
from sqlalchemy import Integer, func, literal, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from services.redaction import redact
from storage.postgres.copy import copy_rows
from storage.postgres.database import Database, DatabaseError, migrate, parse_url
from storage.tables import Speaker
from tests.storage.waiting import await_lock_waiter


@pytest.mark.parametrize(
    "url",
    [
        "postgres://me:secret@db:5433/voices",
        "postgresql://me:secret@db:5433/voices",
        "postgresql+asyncpg://me:secret@db:5433/voices",
        "postgresql+psycopg2://me:secret@db:5433/voices",
    ],
)
def test_every_spelling_of_a_postgresql_url_will_do(url: str) -> None:
    assert parse_url(url).render_as_string(hide_password=False) == "postgresql+asyncpg://me:secret@db:5433/voices"


def test_options_of_hosted_databases_are_translated() -> None:
    parsed = parse_url("postgresql://me@db/voices?sslmode=require&channel_binding=require")
    assert dict(parsed.query) == {"ssl": "require"}


@pytest.mark.parametrize(
    "url", ["sqlite:///voices.db", "mysql://me:secret@db/voices", "not a url", "postgresql://me:secret@db:port/x"]
)
def test_any_other_url_is_refused_in_one_sentence_without_its_password(url: str) -> None:
    with pytest.raises(DatabaseError, match=re.escape("postgresql+asyncpg://user:password@host:5432/name")) as caught:
        parse_url(url)
    assert "secret" not in str(caught.value)
    assert str(caught.value).count("\n") == 0


async def test_a_server_that_is_not_there() -> None:
    with pytest.raises(DatabaseError, match="cannot be reached: start it, or correct DATABASE_URL"):
        await migrate("postgresql://me:secret@127.0.0.1:1/voices")


async def test_a_database_that_is_not_there(postgres_url: str) -> None:
    with pytest.raises(DatabaseError, match='database "nowhere" does not exist'):
        await migrate(postgres_url.replace("/postgres?", "/nowhere?"))


async def test_a_block_is_one_transaction(database: Database) -> None:
    async with database.session() as session:
        session.add(Speaker(name="kept"))

    async def fails() -> None:
        async with database.session() as session:
            session.add(Speaker(name="lost"))
            await session.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fails()
    async with database.session() as session:
        assert (await session.scalars(select(Speaker.name))).all() == ["kept"]


async def test_rows_that_cannot_be_copied_are_an_error_of_the_database(database: Database) -> None:
    with pytest.raises(DBAPIError) as raised:
        async with database.session() as session:
            await copy_rows(session, Speaker.__table__, [{"name": "twice"}, {"name": "twice"}])
    assert getattr(raised.value.orig, "sqlstate", None) == "23505"
    async with database.session() as session:
        await copy_rows(session, Speaker.__table__, [{"name": "Ada"}, {"name": "Bob"}])
        assert (await session.scalars(select(Speaker.name).order_by(Speaker.id))).all() == ["Ada", "Bob"]


async def test_an_error_does_not_show_the_values_of_rows(database: Database) -> None:
    """Its text goes to logs. `redact` removes the part that PostgreSQL writes."""
    with pytest.raises(DBAPIError) as caught:
        async with database.session() as session:
            session.add_all([Speaker(name="Ada Lovelace") for _ in range(2)])
    assert "Ada" not in redact(str(caught.value))
    with pytest.raises(DBAPIError) as caught:
        async with database.session() as session:
            await session.scalar(select(Speaker.id).where(Speaker.id == literal("Ada Lovelace", Integer)))
    assert "Ada" not in redact(str(caught.value))


async def test_work_that_postgresql_ends_for_a_deadlock_is_repeated(database: Database) -> None:
    attempts = 0

    async def locked(session: AsyncSession, key: int) -> None:
        await session.execute(select(func.pg_advisory_xact_lock(key)))

    async def work(session: AsyncSession) -> str:
        nonlocal attempts
        attempts += 1
        await locked(session, 1)
        await locked(session, 2)
        return "done"

    async with database.session() as other:
        await other.execute(text("SET LOCAL deadlock_timeout = '1min'"))  # so that PostgreSQL ends the work
        await locked(other, 2)
        working = asyncio.create_task(database.persist(work, 60))
        await await_lock_waiter(other)
        await locked(other, 1)
    assert await working == "done"
    assert attempts > 1
